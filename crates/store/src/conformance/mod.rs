//! What every store must do, one function for each behaviour, run by every implementation.
//!
//! [`conformance_suite!`](crate::conformance_suite) makes a test of each, given an
//! `async fn() -> (Arc<impl Store>, Guard)` that opens an empty store; the guard (a temporary directory, or
//! `()`) lives as long as the test. What a store must survive (a crash, a full disk) is tested beside it.

mod attachments;
mod entitlement;
mod fixtures;
mod inboxes;
mod keys;
mod logs;
mod people;
mod progress;
mod random;
mod reading;
mod retention;
mod versions;

pub use attachments::*;
pub use entitlement::*;
pub use inboxes::*;
pub use keys::*;
pub use logs::*;
pub use people::*;
pub use progress::*;
pub use random::*;
pub use reading::*;
pub use retention::*;
pub use versions::*;

/// Makes a test of every behaviour in [`conformance`](crate::conformance) for the store that `$factory`
/// opens. The crate that calls it needs `tokio` with macros.
#[macro_export]
macro_rules! conformance_suite {
    ($factory:path) => {
        $crate::conformance_suite! {
            @tests $factory,
            // Logs.
            only_the_place_after_the_head_can_be_written
            one_of_those_who_race_for_a_place_gets_it
            appends_by_many_leave_no_gap_and_no_double
            a_retried_append_finds_its_event_in_the_place
            an_append_whose_future_is_dropped_happened_or_did_not
            chats_do_not_share_a_log
            // Reading logs.
            events_of_every_kind_read_back_as_they_were_written
            reads_are_bounded_by_count_and_bytes
            reads_beyond_the_log_are_empty
            heads_come_in_the_order_asked_for
            snapshots_only_rise
            a_snapshot_reads_back_with_all_it_knows
            snapshots_saved_at_once_leave_the_newest
            // Who may read what.
            snapshot_and_log_give_the_state_that_the_log_alone_gives
            who_leaves_and_returns_may_read_both_stays
            memberships_outlive_the_events_that_made_them
            // Expiry.
            a_deleted_body_stays_deleted_when_it_expires
            emptying_touches_messages_only
            bodies_expire_up_to_the_first_younger_event
            expiring_beyond_the_head_does_not_touch_later_messages
            expiry_is_listed_within_the_limit_until_all_is_done
            the_floor_never_passes_the_snapshot
            the_floor_only_rises_and_reads_begin_above_it
            an_idle_chat_whose_events_are_all_gone_goes_on_after_its_head
            the_retention_job_empties_removes_and_then_rests
            the_retention_job_goes_on_where_it_was_cut_off
            // Inboxes.
            inbox_rows_only_rise
            inbox_rows_raised_at_once_keep_the_highest
            a_large_inbox_is_read_in_pages
            a_raise_reaches_every_user_named
            // Progress.
            progress_merges_field_by_field
            progress_raised_at_once_keeps_the_highest_of_each_field
            progress_is_kept_for_each_device_and_chat
            last_seen_only_rises
            what_is_hidden_is_listed_within_range_and_limit
            // People.
            an_address_is_claimed_once
            claims_that_race_have_one_winner
            device_numbers_are_given_once
            devices_are_listed_by_number
            racers_agree_on_a_secret
            the_incarnation_does_not_change
            // Versions.
            a_device_is_replaced_only_as_it_was_read
            a_document_is_replaced_only_as_it_was_read
            documents_of_every_kind_read_back
            replacements_that_race_lose_no_update
            a_challenge_is_replaced_only_as_it_was_read
            challenges_are_forgotten_when_nothing_recent_hangs_on_them
            // Keys.
            key_packages_are_given_out_once
            a_repeated_claim_gets_the_same_key_package
            claims_at_once_never_share_a_key_package
            the_last_resort_comes_last_and_again
            a_repeated_upload_adds_no_key_package
            key_packages_and_claims_are_bounded
            the_key_packages_of_a_device_are_removed_together
            certificates_are_those_of_devices_that_are_not_revoked
            revocations_are_listed_until_they_are_settled
            // Attachments.
            an_attachment_is_of_the_first_chat_it_was_sent_in
            attachments_are_counted_by_owner_and_time
            attachments_are_listed_oldest_first_until_they_are_removed
            an_upload_has_the_first_name_it_was_given
            who_fetched_what_is_known_until_it_is_forgotten
            // Everything.
            random_operations_on_chats_agree_with_a_model
            random_operations_on_registers_agree_with_a_model
        }
    };
    (@tests $factory:path, $($behaviour:ident)*) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $behaviour() {
                let (store, _guard) = $factory().await;
                $crate::conformance::$behaviour(store).await;
            }
        )*
    };
}
