//! What every service's main shares: settings, the HTTP edge, drain, telemetry.
