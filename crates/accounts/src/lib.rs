//! One-time codes, tokens, devices, profiles, contacts: no sockets, no SQL.
