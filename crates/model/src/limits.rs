//! The limits of a chat, with their defaults. Limits of connections are the gateway's.

use serde::{Deserialize, Serialize};

/// Bytes of a text body, unless configured otherwise.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Bytes of an opaque body, unless configured otherwise.
pub const OPAQUE_BYTES_MAX: usize = 64 * 1024;
/// Members of a group or channel, unless configured otherwise (R2).
pub const MEMBERS_MAX: usize = 1_024;
/// Devices that hold a chat's keys, unless configured otherwise.
pub const DEVICES_MAX: usize = 4_096;
/// Attachments of one message, unless configured otherwise.
pub const ATTACHMENTS_MAX: usize = 32;
/// Users banned from one chat.
pub const BANNED_MAX: usize = 4_096;
/// Bytes of a chat's name.
pub const NAME_BYTES_MAX: usize = 256;
/// Bytes of a chat's description.
pub const DESCRIPTION_BYTES_MAX: usize = 4_096;
/// Bytes of a reference to a chat's picture.
pub const PICTURE_BYTES_MAX: usize = 256;
/// Users named in one command.
pub const USERS_PER_COMMAND_MAX: usize = 1_024;
/// Numbers remembered for each device in a chat; an older retry is `tooOld`.
pub const DEDUP_WINDOW_NUMBERS: usize = 64;
/// Past stays of one user that a chat remembers; a user with more cannot rejoin.
pub const MEMBERSHIPS_PER_USER_MAX: usize = 64;

/// What a server lets a chat hold. Changing one affects later commands only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatLimits {
    /// Bytes of a text body.
    pub text_bytes_max: usize,
    /// Bytes of an opaque body.
    pub opaque_bytes_max: usize,
    /// Members of a group or channel.
    pub members_max: usize,
    /// Devices that hold a chat's keys.
    pub devices_max: usize,
    /// Attachments of one message.
    pub attachments_max: usize,
}

impl Default for ChatLimits {
    fn default() -> Self {
        Self {
            text_bytes_max: TEXT_BYTES_MAX,
            opaque_bytes_max: OPAQUE_BYTES_MAX,
            members_max: MEMBERS_MAX,
            devices_max: DEVICES_MAX,
            attachments_max: ATTACHMENTS_MAX,
        }
    }
}
