"""What a change of the registry asks for: actions, costs, budgets, approvals; pure."""
