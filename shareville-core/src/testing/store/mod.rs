//! The contract of a [`Store`](crate::store::Store), one behaviour a function.
//!
//! [`store_contract!`](crate::store_contract) makes a test of each:
//!
//! ```
//! use std::sync::Arc;
//! use shareville_core::{
//!     clock::ManualClock,
//!     store::MemoryStore,
//!     testing::store::{Bench, START},
//! };
//!
//! async fn memory() -> Bench {
//!     let clock = Arc::new(ManualClock::at(START));
//!     Bench::new(Arc::new(MemoryStore::new(clock.clone())), clock)
//! }
//!
//! shareville_core::store_contract!(memory);
//! ```
//!
//! Each test gets a fresh, empty store whose clock stands still until the test moves it. Nothing sleeps.

pub mod answers;
pub mod backlog;
mod bench;
pub mod changes;
pub mod connections;
pub mod credentials;
pub mod deliveries;
pub mod fairness;
pub mod holds;
pub mod lanes;
pub mod logins;
pub mod media;
pub mod notices;
pub mod pauses;
pub mod people;
pub mod posts;
pub mod secrets;
pub mod tenants;
pub mod upkeep;
pub mod users;
pub mod waiting;

pub use self::bench::{Bench, LEASE, START, new_connection, new_tenant};

/// Makes a test of each behaviour of the store contract.
///
/// It takes the name of an async function without arguments that gives a fresh [`Bench`]. The calling crate needs
/// tokio with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! store_contract {
    ($factory:path) => {
        $crate::store_contract! { @tests $factory;
            answers {
                should_answer_the_same_key_again
                should_keep_no_answer_of_what_was_not_stored
                should_let_one_of_many_with_one_key_be_the_first
                should_free_a_key_when_its_time_is_over
                should_keep_answers_from_other_tenants
            }
            backlog {
                should_count_the_lanes_that_wait
                should_count_a_capped_tenant_and_no_paused_lane
            }
            changes {
                should_apply_a_change_with_its_events
                should_refuse_a_change_to_an_older_revision
                should_refuse_a_change_in_anothers_name
                should_refuse_a_change_whose_claim_was_lost
                should_refuse_a_change_under_no_claim_of_its_lane
                should_apply_a_change_whose_lease_ran_out_unclaimed
                should_stamp_a_mark_by_its_own_clock
                should_apply_the_good_changes_beside_a_stale_one
                should_run_the_changes_of_a_batch_one_after_the_other
                should_end_a_claim_within_a_batch
                should_remove_a_post_and_keep_its_history
                should_let_one_of_many_writers_win
                should_begin_no_commit_of_an_inactive_tenant
            }
            connections {
                should_keep_a_connection_and_its_accounts
                should_refuse_a_second_connection_to_the_same_person
                should_refuse_a_stale_connection_change
                should_write_accounts_by_their_id
                should_read_accounts_by_their_ids
                should_list_connections_of_a_user
                should_keep_accounts_of_several_networks
                should_remove_a_connection_with_its_accounts
                should_tell_whether_a_lane_is_shared
                should_keep_connections_from_other_tenants
            }
            credentials {
                should_find_an_api_key_by_its_hash
                should_list_api_keys_newest_first
                should_let_user_tokens_die_with_their_key
                should_refuse_a_user_token_of_a_key_that_is_gone
                should_keep_credentials_from_other_tenants
                should_vouch_for_credentials_until_they_change
                should_end_epochs_in_every_process
            }
            deliveries {
                should_take_up_what_is_public
                should_owe_nothing_told_before_there_was_an_endpoint
                should_hand_out_a_delivery_once_at_a_time
                should_hand_out_a_delivery_exactly_once_under_many_workers
                should_hand_out_a_delivery_again_when_its_lease_ends
                should_bring_up_a_delivery_at_its_time
                should_refuse_the_outcome_of_a_lost_claim
                should_not_change_a_delivery_under_way
                should_cap_the_deliveries_of_a_tenant_in_flight
                should_go_round_the_endpoints
                should_let_deliveries_rest_without_an_endpoint
                should_list_deliveries_newest_first
                should_keep_deliveries_from_other_tenants
                should_wake_for_a_public_event
                should_wake_for_a_delivery_that_becomes_due
                should_tell_an_endpoint_of_connections
                should_count_the_deliveries_that_wait
            }
            fairness {
                should_go_round_the_tenants
                should_serve_next_who_waited_longest
                should_cap_the_lanes_of_a_tenant_in_flight
                should_free_the_cap_when_a_lease_ends
                should_free_the_cap_when_a_commit_is_settled
                should_count_renewed_leases
                should_pass_over_tenants_with_nothing_due
            }
            holds {
                should_hold_the_lane_of_an_open_commit
                should_let_the_holder_through
                should_lift_the_hold_of_a_settled_commit
                should_keep_the_hold_of_another_post
                should_bring_up_an_expired_post_in_a_paused_lane
                should_bring_up_an_expired_post_in_a_held_lane
            }
            lanes {
                should_claim_a_due_post_with_all_it_needs
                should_not_claim_before_its_time
                should_take_posts_in_due_order
                should_let_later_posts_pass_one_that_waits
                should_claim_a_lane_once_at_a_time
                should_claim_exactly_once_under_many_workers
                should_hand_out_a_lane_again_when_its_lease_ends
                should_renew_a_lease_from_now
                should_release_a_lane_at_once
                should_end_the_claim_with_the_change
                should_pass_over_posts_whose_account_is_gone
                should_claim_no_more_than_asked_for
            }
            logins {
                should_keep_a_login_until_its_time_is_over
                should_take_a_login_for_one_code_only
                should_let_one_of_many_callbacks_be_the_first
                should_not_take_a_login_that_is_over
                should_give_a_grant_to_one_taker_only
                should_not_give_a_grant_to_others_or_late
                should_keep_a_taken_grant_until_it_is_finished
                should_sweep_a_taken_grant
                should_sweep_what_is_over
            }
            media {
                should_keep_an_upload_as_it_was_written
                should_show_an_upload_only_once_it_is_whole
                should_take_no_more_than_there_is_room_for
                should_let_one_of_many_have_the_last_room
                should_find_a_rendition_by_its_form
                should_let_one_of_many_renditions_be_the_first
                should_keep_uploads_until_then
                should_keep_what_an_open_post_names
                should_sweep_what_nobody_names
                should_sweep_and_read_page_by_page
                should_give_up_an_upload_that_broke_off
                should_discard_the_uploads_of_a_user
                should_discard_the_uploads_of_a_tenant
                should_forget_only_what_is_discarded
                should_keep_uploads_from_other_tenants
            }
            people {
                should_find_the_active_connections_of_a_person
                should_find_connections_by_any_id_of_their_person
            }
            notices {
                should_keep_a_notice_once
                should_keep_all_notices_or_none
                should_let_one_of_many_keep_a_notice
                should_hand_out_a_notice_once_at_a_time
                should_hand_out_a_notice_exactly_once_under_many_workers
                should_hand_out_a_notice_again_when_its_lease_ends
                should_bring_up_a_notice_at_its_time
                should_refuse_what_a_lost_claim_found
                should_not_change_a_notice_under_way
                should_find_a_deletion_by_its_code
                should_sweep_notices_that_are_over
                should_lose_the_notices_of_a_deleted_tenant
            }
            pauses {
                should_pause_the_lanes_of_a_scope
                should_keep_the_longer_pause
                should_resume_for_the_same_reason_only
                should_pause_a_lane_with_a_change
                should_pause_and_resume_lanes_with_a_connection
                should_not_resume_other_pauses_with_a_connection
                should_tell_which_lanes_stand_still_and_why
                should_pause_a_lane_without_posts
            }
            posts {
                should_keep_a_post_as_it_was_written
                should_create_all_posts_or_none
                should_refuse_a_post_for_anothers_account
                should_list_posts_by_filter
                should_filter_by_time_to_the_microsecond
                should_keep_its_place_while_posts_are_added
                should_list_a_span_of_time_page_by_page
                should_find_what_comes_up_in_a_lane
                should_find_the_unsettled_posts_of_a_connection
                should_find_the_posts_that_a_removed_connection_left
                should_tell_whether_a_platform_id_is_held
                should_find_a_post_by_its_platform_id
                should_list_events_newest_first
                should_keep_posts_from_other_tenants
            }
            secrets {
                should_walk_through_everything_sealed
                should_meet_each_secret_once_whatever_the_step
                should_swap_a_secret_and_nothing_else
                should_not_swap_what_has_changed_meanwhile
                should_answer_each_swap_for_itself
                should_keep_the_first_probe_of_a_key
            }
            tenants {
                should_keep_a_tenant_as_it_was_written
                should_list_an_owners_tenants_newest_first
                should_keep_one_tenant_for_each_app_of_an_owner
                should_refuse_a_stale_tenant_update
                should_delete_a_tenant_with_all_that_is_its_own
                should_refuse_what_belongs_to_no_tenant
            }
            upkeep {
                should_hand_out_connections_that_are_due
                should_hand_out_a_connection_once_at_a_time
                should_hand_out_a_connection_exactly_once_under_many_workers
                should_not_hand_out_a_connection_that_was_looked_after
                should_not_hand_out_a_removed_connection
            }
            users {
                should_shut_a_user_out
                should_hand_out_a_taken_grant_of_who_is_shut_out
                should_know_nothing_of_a_stranger
                should_erase_posts_with_their_history
                should_erase_the_history_of_what_was_removed
                should_keep_the_hold_of_an_erased_post
                should_erase_the_answers_that_tell_of_a_user
            }
            waiting {
                should_wake_for_a_new_post
                should_not_lose_work_that_came_before_the_wait
                should_wake_when_the_time_is_over
                should_wake_when_work_becomes_due
                should_wake_for_a_lane_given_back
                should_wake_for_resumed_lanes
                should_not_watch_for_what_is_there
                should_watch_until_a_post_changes
                should_watch_no_longer_than_asked
                should_stop_watching_a_post_that_is_removed
            }
        }
    };
    (@tests $factory:path; $($room:ident { $($name:ident)+ })+) => {
        $($(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                $crate::testing::store::$room::$name(&$factory().await).await;
            }
        )+)+
    };
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{clock::ManualClock, store::MemoryStore};

    async fn memory() -> Bench {
        let clock = Arc::new(ManualClock::at(START));
        Bench::new(
            Arc::new(MemoryStore::new(Arc::<ManualClock>::clone(&clock))),
            clock,
        )
    }

    crate::store_contract!(memory);

    #[test]
    fn the_macro_should_list_every_behaviour() {
        let listed = include_str!("mod.rs");
        let rooms = [
            include_str!("answers.rs"),
            include_str!("backlog.rs"),
            include_str!("changes.rs"),
            include_str!("connections.rs"),
            include_str!("credentials.rs"),
            include_str!("deliveries.rs"),
            include_str!("fairness.rs"),
            include_str!("holds.rs"),
            include_str!("lanes.rs"),
            include_str!("logins.rs"),
            include_str!("media.rs"),
            include_str!("notices.rs"),
            include_str!("pauses.rs"),
            include_str!("people.rs"),
            include_str!("posts.rs"),
            include_str!("secrets.rs"),
            include_str!("tenants.rs"),
            include_str!("upkeep.rs"),
            include_str!("users.rs"),
            include_str!("waiting.rs"),
        ];
        for behaviour in rooms
            .iter()
            .flat_map(|room| room.split("pub async fn ").skip(1))
        {
            let name = behaviour.split('(').next().unwrap();
            assert!(
                listed.contains(&format!(" {name}\n")),
                "{name} is not listed"
            );
        }
    }
}
