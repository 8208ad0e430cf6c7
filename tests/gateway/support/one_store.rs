//! The tests that one kind of books alone can pass: each by name, with the reason. Nothing else is
//! left out on either.

use super::database::on_server;

/// What a test needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The one file of one process.
    File,
    /// A database server, and several processes on it.
    Server,
}

const REWRITTEN: &str = "rows of a copy of the file are rewritten behind the program's back";
const FAULTS: &str = "the faults of a database server";
const DISK: &str = "the file system of the file";
const SEVERAL: &str = "several processes on the same books";
const BUSY: &str = "a file has one writer, which is never found busy";
/// Test, need, reason.
const ONE_STORE: [(&str, Needs, &str); 36] = [
    (
        "faults_paused::r132_a_process_stopped_before_its_send_sends_nothing_once_another_took_over",
        Needs::Server,
        SEVERAL,
    ),
    (
        "startup::a_second_process_on_one_file_is_refused_and_the_first_one_goes_on",
        Needs::File,
        "a server's books are for several processes",
    ),
    (
        "settlement_queue::payments_that_wait_for_a_busy_signer_are_signed_once_it_is_free",
        Needs::Server,
        BUSY,
    ),
    (
        "settlement_queue::what_waits_at_a_killed_process_is_signed_by_another_one",
        Needs::Server,
        BUSY,
    ),
    ("settlement_queue::a_full_queue_refuses_and_charges_nothing", Needs::Server, BUSY),
    ("verify::every_difference_is_found", Needs::File, REWRITTEN),
    (
        "verify::a_settlement_that_the_chain_does_not_show_is_found_and_a_silent_chain_is_said",
        Needs::File,
        REWRITTEN,
    ),
    ("reconcile_chain::a_settlement_that_the_chain_does_not_have_is_found", Needs::File, REWRITTEN),
    (
        "postgres_faults::r110_a_database_that_is_down_before_the_request_claims_nothing",
        Needs::Server,
        FAULTS,
    ),
    (
        "postgres_faults::r110_a_database_that_is_cut_right_after_the_broadcast_loses_nothing",
        Needs::Server,
        FAULTS,
    ),
    ("postgres_faults::a_slow_database_is_waited_for", Needs::Server, FAULTS),
    ("postgres_faults::a_silent_database_is_not_waited_for_without_end", Needs::Server, FAULTS),
    (
        "postgres_faults::a_database_that_breaks_off_in_the_middle_is_met_again",
        Needs::Server,
        FAULTS,
    ),
    (
        "postgres_faults::a_database_that_restarts_puts_requests_off_for_a_moment_at_most",
        Needs::Server,
        FAULTS,
    ),
    ("postgres_faults::a_database_that_takes_no_writes_claims_nothing", Needs::Server, FAULTS),
    (
        "postgres_faults::connections_that_are_all_in_use_put_requests_off_before_any_claim",
        Needs::Server,
        FAULTS,
    ),
    (
        "replicas::r023_the_same_request_to_two_processes_at_once_is_one_payment",
        Needs::Server,
        SEVERAL,
    ),
    ("replicas::r024_the_other_process_gives_the_stored_answer", Needs::Server, SEVERAL),
    ("replicas::the_work_of_a_killed_process_is_taken_over_at_once", Needs::Server, SEVERAL),
    (
        "replicas::the_work_of_a_paused_process_is_taken_over_when_its_lease_has_ended",
        Needs::Server,
        SEVERAL,
    ),
    ("replicas::r109_one_of_two_processes_drains_while_the_other_serves", Needs::Server, SEVERAL),
    (
        "broken_connections::r115_a_driver_goes_on_by_itself_when_connections_break_off",
        Needs::Server,
        FAULTS,
    ),
    (
        "lost_answers::r114_a_claim_whose_answer_is_lost_is_paid_once_by_a_wallet",
        Needs::Server,
        FAULTS,
    ),
    (
        "lost_answers::r114_a_claim_whose_answer_is_lost_is_paid_once_by_a_card",
        Needs::Server,
        FAULTS,
    ),
    ("lost_answers::r114_a_claim_whose_answer_is_lost_is_one_pack", Needs::Server, FAULTS),
    ("lost_answers::r114_a_claim_whose_answer_is_lost_spends_one_credit", Needs::Server, FAULTS),
    (
        "lost_answers::r114_while_the_books_do_not_answer_the_payment_is_named",
        Needs::Server,
        FAULTS,
    ),
    ("lost_actions::r114_a_grant_whose_answer_is_lost_is_made_once", Needs::Server, FAULTS),
    ("lost_answers::r115_agents_that_sign_anew_after_every_503_pay_once", Needs::Server, FAULTS),
    ("full_disk::r116_a_full_disk_is_survived_without_a_restart", Needs::File, DISK),
    ("full_disk::r116_a_disk_that_fills_during_a_payment_loses_nothing", Needs::File, DISK),
    ("full_disk::r116_a_file_that_another_process_holds_is_waited_for", Needs::File, DISK),
    ("full_disk::r116_the_embedded_core_survives_a_full_disk", Needs::File, DISK),
    ("full_disk::r116_a_stop_that_could_not_write_says_so", Needs::File, DISK),
    ("full_disk::r129_books_are_served_once_whatever_they_are_called", Needs::File, DISK),
    ("full_disk::r129_books_that_are_moved_away_are_not_ready", Needs::File, DISK),
];

/// True where this test is left out, and said to be: the books of this run are not what it needs.
///
/// # Panics
/// If the test is not in the list.
pub fn left_out() -> bool {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    let entry = ONE_STORE.iter().find(|(name, ..)| *name == test);
    let (_, needs, reason) = entry
        .unwrap_or_else(|| panic!("{test} is not in the list of what needs one kind of books"));
    let out = on_server() == (*needs == Needs::File);
    if out {
        println!("left out: needs a {needs:?}: {reason}");
    }
    out
}

#[test]
fn what_is_left_out_is_counted_and_exists() {
    let program = std::env::current_exe().unwrap();
    let listed = std::process::Command::new(program).arg("--list").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let out: Vec<_> =
        ONE_STORE.iter().filter(|(_, needs, _)| on_server() == (*needs == Needs::File)).collect();
    println!(
        "{} of {} tests are left out on these books:",
        out.len(),
        listed.matches(": test\n").count()
    );
    for (name, needs, reason) in ONE_STORE {
        assert!(listed.contains(&format!("{name}: test\n")), "no such test: {name}");
        assert!(!reason.is_empty());
        if out.iter().any(|(left, ..)| *left == name) {
            println!("{name}: needs a {needs:?}: {reason}");
        }
    }
}
