//! Sockets and HTTP: accept, connection, registry, routes.
