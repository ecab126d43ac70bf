//! Configuration, wiring, jobs, telemetry, shutdown.
