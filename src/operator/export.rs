//! Lists as files: exactly the rows that the list shows, all pages of it, a batch at a time. No
//! transaction stays open between batches, and an export that fails ends as a broken answer: half
//! of one cannot be taken for the whole. HTTP/1.0 cannot tell the two apart, and gets none.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use bytes::Bytes;
use futures::stream::{self, Stream};
use http::{HeaderValue, header};
use payments::{agent::Payer, ports::desk::PaymentFilter};

use super::{Desk, answer::Refusal, ask::Asked};
use crate::{
    export::{Form, Source, SourceError, What, Writer},
    worker::drives::chain,
};

/// A name with its form: `payments.csv`, `wallet:0x....jsonl`.
pub(super) fn form_of(name: &str) -> Option<(&str, Form)> {
    let (name, ending) = name.rsplit_once('.')?;
    Some((name, Form::from_word(ending)?))
}

/// `GET payments.csv` and its like: the list of that name with the list's own parameters, but those
/// of a page.
pub(super) async fn list(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let named = form_of(&name).and_then(|(list, form)| Some((What::from_word(list)?, form)));
    let Some((what, form)) = named.filter(|(what, _)| *what != What::Statement) else {
        return Err(Refusal::not_found(format!("there is no {name} to export")));
    };
    asked.only(match what {
        What::Payments => &PaymentFilter::NAMES,
        What::Journal => &["account"],
        What::Owed => &["all", "payer"],
        What::Requests => &["payer"],
        What::Findings => &["all"],
        What::Statement | What::Credits | What::Actions => &[],
    })?;
    send(&desk, what, asked.filter()?, form, &asked)
}

/// `GET statement/{payer}.csv` and its like.
pub(super) fn statement(
    desk: &Arc<Desk>,
    payer: Payer,
    form: Form,
    asked: &Asked,
) -> Result<Response, Refusal> {
    let filter = asked.only(&["since", "until"])?.filter()?;
    send(desk, What::Statement, PaymentFilter { payer: Some(payer), ..filter }, form, asked)
}

fn send(
    desk: &Arc<Desk>,
    what: What,
    filter: PaymentFilter,
    form: Form,
    asked: &Asked,
) -> Result<Response, Refusal> {
    asked.ends_can_be_told()?;
    let source =
        Source::of(what, filter, asked.text("account").map(str::to_owned), asked.flag("all")?)
            .map_err(|error| vec![error])?;
    let mut answer =
        Response::new(Body::from_stream(chunks(Arc::clone(desk), source, Writer::new(form))));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    let file = format!("attachment; filename=\"{}.{}\"", what.word(), form.word());
    if let Ok(file) = HeaderValue::from_str(&file) {
        headers.insert(header::CONTENT_DISPOSITION, file);
    }
    Ok(answer)
}

fn chunks(
    desk: Arc<Desk>,
    source: Source,
    writer: Writer,
) -> impl Stream<Item = Result<Bytes, SourceError>> {
    stream::try_unfold((desk, source, writer), async |(desk, mut source, mut writer)| {
        let next = source.next(&*desk.desk, &mut writer).await.inspect_err(|error| {
            tracing::error!(error = %chain(error), "operator.export_broken");
        })?;
        Ok(next.map(|chunk| (Bytes::from(chunk.bytes), (desk, source, writer))))
    })
}
