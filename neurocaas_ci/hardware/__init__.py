"""What AWS says about a hardware type and its price, and what that makes of its file."""
