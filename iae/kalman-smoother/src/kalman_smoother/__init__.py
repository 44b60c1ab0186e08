"""Kalman filter and smoother of a time-invariant linear dynamical system, fitted by EM."""
