//! The grades of the code table rest on records. Each record in `tests/vectors/records.json` is what
//! one source shows of one row: its year, its kind, the call, and the shown part of the answer. These
//! tests replay every record, and compare the records with the grades.

mod record;
mod replay;

pub(crate) use record::all;
use record::{Record, Shown, Step};
use tencent_chat_emulator::protocol::code::{Basis, Code};

#[tokio::test]
async fn the_emulator_answers_every_record_as_it_was() {
    for record in all() {
        record.replay().await;
    }
}

/// How the number or the text of a row is known, by its records: documented before seen, and seen in
/// the latest year.
fn supported(row: Code, shows: fn(&Shown) -> bool) -> Option<Basis> {
    let records = all();
    let evidence = records.iter().filter(|record| {
        record.contradicted_by.is_none() && record.row() == row && shows(&record.answer)
    });
    let bases: Vec<_> = evidence.map(Record::basis).collect();
    if bases.contains(&Basis::Documented) {
        return Some(Basis::Documented);
    }
    bases.into_iter().max_by_key(|basis| match basis {
        Basis::Seen { year } => *year,
        Basis::Documented | Basis::Inferred | Basis::Guess => None,
    })
}

#[test]
fn a_row_is_graded_documented_or_seen_exactly_where_a_record_shows_it() {
    let mut wrong = Vec::new();
    for row in Code::ALL {
        let number = (
            row.number_basis(),
            Shown::shows_number as fn(&Shown) -> bool,
        );
        let text = (row.info_basis(), Shown::shows_text as fn(&Shown) -> bool);
        for (part, (basis, shows)) in [("number", number), ("text", text)] {
            let is_known = !matches!(basis, Basis::Inferred | Basis::Guess);
            let shown = supported(*row, shows);
            if is_known.then_some(basis) != shown {
                let name = row.name();
                wrong.push(format!(
                    "{name}: the {part} is {basis:?}, by its records {shown:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_row_has_a_recorded_answer_exactly_where_a_record_contradicts_the_page() {
    let records = all();
    let mut contradictions = Vec::new();
    for record in records
        .iter()
        .filter(|record| record.contradicted_by.is_some())
    {
        let (row, title) = (record.row(), record.title());
        let recorded = row.recorded().unwrap_or_else(|| panic!("{title}"));
        assert_eq!(record.year, recorded.years, "{title}");
        contradictions.push((row, record.command()));
    }
    for row in Code::ALL {
        for command in row.recorded().map_or(&[][..], |recorded| recorded.commands) {
            assert!(
                contradictions.contains(&(*row, command)),
                "{row:?}, {command}"
            );
        }
    }
    for (row, command) in contradictions {
        let recorded = row.recorded().expect("as above");
        assert!(recorded.commands.contains(&command), "{row:?}, {command}");
    }
}

#[test]
fn only_a_row_that_says_so_is_met_by_a_fault() {
    for record in all() {
        let scripted = record.row().meaning().contains("Only when scripted");
        let has_fault = record.setup.iter().any(Step::is_fault);
        assert_eq!(has_fault, scripted, "{}", record.title());
    }
}

#[test]
fn every_record_says_when_and_where() {
    for record in all() {
        let is_year =
            |year: &str| year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
        let Record { year, .. } = &record;
        assert!(
            year == "undated"
                || year
                    .trim_start_matches("before ")
                    .split(" to ")
                    .all(is_year),
            "{}: {year}",
            record.title()
        );
        assert!(!record.source.is_empty(), "{}", record.title());
        let answer = &record.answer;
        assert!(
            answer.shows_number() || answer.shows_text(),
            "{} shows nothing",
            record.title()
        );
    }
}
