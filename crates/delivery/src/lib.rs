//! The rules of the way of a message: submit, wake, pull, receipts, presence.
