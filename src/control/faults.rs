//! Fault injection: the routes, and what they have in common with the Rust API.

use super::apps::AppFilter;
use super::extract::{Draft, Path, Query};
use super::fault_document::{FaultDocument, document, plan, unknown_names};
use super::problem::{InvalidField, Part, Problem};
use super::route::Created;
use crate::faults::Fault;
use crate::protocol::ids::SdkAppId;
use crate::state::AppState;
use crate::strict::listed;
use crate::world::MAX_FAULTS;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An armed fault and its counters.
#[derive(Serialize, JsonSchema)]
pub(super) struct Armed {
    id: u64,
    /// How often the fault has fired.
    hits: u64,
    /// How often the fault can still fire; null if it has no `times`.
    left: Option<u64>,
    fault: FaultDocument,
}

/// The faults that were armed and disarmed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Changed {
    armed: Vec<Armed>,
    disarmed: Vec<Armed>,
}

pub(super) async fn list(
    State(state): State<AppState>,
    Query(AppFilter { sdkappid }): Query<AppFilter>,
) -> Result<Json<Vec<Armed>>, Problem> {
    Ok(Json(all_armed(&find_all(&state, sdkappid))))
}

/// The armed faults that are limited to this app, or all.
pub(crate) fn find_all(state: &AppState, sdkappid: Option<SdkAppId>) -> Vec<Arc<Fault>> {
    let world = state.world();
    let faults = world.faults.all().iter();
    faults
        .filter(|fault| fault.is_of(sdkappid))
        .cloned()
        .collect()
}

pub(super) async fn add(
    State(state): State<AppState>,
    draft: Draft<FaultDocument>,
) -> Result<Created<Armed>, Problem> {
    let fault = arm(&state, draft)?;
    Ok(Created(armed(&fault)))
}

/// Arms a fault. The error names all invalid fields.
pub(crate) fn arm(
    state: &AppState,
    Draft { value, mut invalid }: Draft<FaultDocument>,
) -> Result<Arc<Fault>, Problem> {
    let document = match value {
        Some(document) if invalid.is_empty() => document,
        rest => {
            let names = rest.map(|rest| unknown_names(state, "", &rest));
            invalid.extend(names.unwrap_or_default());
            return Err(Problem::invalid(invalid));
        }
    };
    let plan = plan(state, "", &document).map_err(Problem::invalid)?;
    Ok(state.change(|world| world.arm(plan))?)
}

#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct FaultSet(#[schemars(length(max = MAX_FAULTS))] Vec<FaultDocument>);

/// With `sdkappid`, replaces only the faults of this app, and limits the new faults to it.
pub(super) async fn replace(
    State(state): State<AppState>,
    Query(AppFilter { sdkappid }): Query<AppFilter>,
    Draft { value, mut invalid }: Draft<FaultSet>,
) -> Result<Json<Changed>, Problem> {
    let mut plans = Vec::new();
    // Without the invalid fields, a fault may lack what its other fields need.
    let is_whole = invalid.is_empty();
    let documents = value.map(|FaultSet(documents)| documents);
    for (at, mut document) in documents.unwrap_or_default().into_iter().enumerate() {
        if document.sdkappid.is_some() && sdkappid.is_some() && document.sdkappid != sdkappid {
            let detail = "differs from sdkappid in the query";
            invalid.push(InvalidField::of_body(format!("/{at}/sdkappid"), detail));
        }
        document.sdkappid = document.sdkappid.or(sdkappid);
        let pointer = format!("/{at}");
        if !is_whole {
            invalid.extend(unknown_names(&state, &pointer, &document));
            continue;
        }
        match plan(&state, &pointer, &document) {
            Ok(plan) => plans.push(plan),
            Err(fields) => invalid.extend(fields),
        }
    }
    if !invalid.is_empty() {
        return Err(Problem::invalid(invalid));
    }
    let [armed, disarmed] = state.change(|world| world.replace_faults(sdkappid, plans))?;
    Ok(Json(Changed {
        armed: all_armed(&armed),
        disarmed: all_armed(&disarmed),
    }))
}

pub(super) async fn clear(
    State(state): State<AppState>,
    Query(AppFilter { sdkappid }): Query<AppFilter>,
) -> Result<Json<Changed>, Problem> {
    Ok(Json(Changed {
        armed: Vec::new(),
        disarmed: all_armed(&disarm_all(&state, sdkappid)),
    }))
}

/// Disarms the faults that are limited to this app, or all.
pub(crate) fn disarm_all(state: &AppState, sdkappid: Option<SdkAppId>) -> Vec<Arc<Fault>> {
    state.change(|world| world.faults.disarm(|fault| fault.is_of(sdkappid)))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultPath {
    id: u64,
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(FaultPath { id }): Path<FaultPath>,
) -> Result<Json<Armed>, Problem> {
    let fault = disarm(&state, id)?;
    Ok(Json(armed(&fault)))
}

/// Disarms a fault.
pub(crate) fn disarm(state: &AppState, id: u64) -> Result<Arc<Fault>, Problem> {
    let disarmed = state.change(|world| world.faults.disarm(|fault| fault.id == id));
    disarmed.into_iter().next().ok_or_else(|| {
        let world = state.world();
        let ids = world.faults.all().iter().map(|fault| fault.id);
        let known = listed(ids, world.faults.all().len());
        Problem::not_found(format!("there is no fault {id}; {known}"))
    })
}

/// The answer if every fault has been consumed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Consumed {
    /// The number of faults.
    faults: usize,
}

pub(super) async fn verify(
    State(state): State<AppState>,
    Query(AppFilter { sdkappid }): Query<AppFilter>,
) -> Result<Json<Consumed>, Problem> {
    let faults = check_consumed(&state, sdkappid)?;
    Ok(Json(Consumed { faults }))
}

/// Checks that every fault has been consumed, and returns how many there are. The error names each fault that
/// has not.
///
/// With `sdkappid`, looks only at the faults that are armed for this app. A fault without `sdkappid`
/// belongs to no app: it can fire for another app's call, so an app cannot be blamed for it.
pub(crate) fn check_consumed(
    state: &AppState,
    sdkappid: Option<SdkAppId>,
) -> Result<usize, Problem> {
    let world = state.world();
    // For an app that does not exist, the answer would always be that all faults are consumed.
    if sdkappid.is_some_and(|app| !world.apps.contains_key(&app)) {
        let field = InvalidField::new(Some(Part::Query), "/sdkappid", "is not an existing app");
        return Err(Problem::invalid(vec![field]));
    }
    let all = find_all(state, sdkappid);
    let pending = all.iter().filter(|fault| !fault.is_consumed());
    let pending = pending.map(|fault| InvalidField::new(None, "", description(fault)));
    let pending: Vec<_> = pending.collect();
    if pending.is_empty() {
        return Ok(all.len());
    }
    let (count, all) = (pending.len(), all.len());
    let detail = format!("{count} of {all} faults have not been consumed");
    Err(Problem::conflict(detail).with_errors(pending))
}

/// An armed fault and its counters, in one line.
pub(crate) fn description(fault: &Fault) -> String {
    let document = serde_json::to_string(&document(&fault.plan)).expect("it is JSON");
    let mut text = format!("fault {} {document}: {} hits", fault.id, fault.hits());
    if let Some(left) = fault.left() {
        text += &format!(", {left} left");
    }
    text
}

fn all_armed(faults: &[Arc<Fault>]) -> Vec<Armed> {
    faults.iter().map(|fault| armed(fault)).collect()
}

fn armed(fault: &Fault) -> Armed {
    Armed {
        id: fault.id,
        hits: fault.hits(),
        left: fault.left(),
        fault: document(&fault.plan),
    }
}
