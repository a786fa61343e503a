//! The streams of an operation and of the list.

use super::*;

#[test]
fn a_stream_that_is_cut_anywhere_loses_nothing_and_repeats_nothing() {
    in_virtual_time(async {
        let (_stage, client) = shop(talkative(), &[JOB, CONFIG].join("---\n")).await;
        let id = client.sync().await;
        let whole: Vec<_> = client
            .to_end(&id)
            .await
            .into_iter()
            .filter(|(id, _)| id.is_some())
            .collect();
        assert!(whole.len() > 12, "{}", whole.len());
        for cut in 0..whole.len() {
            let mut first = client.stream(&id, None).await;
            let mut read = Vec::new();
            while read.len() < cut {
                let record = first.next().await.unwrap();
                read.extend(record.0.is_some().then_some(record));
            }
            drop(first);
            let last = read.last().and_then(|(id, _)| id.clone());
            let rest = client.stream(&id, last.as_deref()).await.rest().await;
            read.extend(rest.into_iter().filter(|(id, _)| id.is_some()));
            assert!(read == whole, "cut after {cut}");
        }
        // What isn't known is as good as nothing.
        for strange in ["", "x", "-1", "99999999999999999999999", "1.2.3", "7000"] {
            let all = client.stream(&id, Some(strange)).await.rest().await;
            let all: Vec<_> = all.into_iter().filter(|(id, _)| id.is_some()).collect();
            assert!(all == whole, "{strange}");
        }
    });
}

/// The bus keeps 65,536 records: who reads later gets the state instead of what was dropped, and nothing is kept for them.
#[test]
fn a_reader_that_is_too_slow_is_told_what_it_missed_and_gets_the_state() {
    in_virtual_time(async {
        let mut setup = talkative();
        let line = setup.behaviours[0].log[0].clone();
        setup.behaviours[0].log = vec![line; 70_000];
        let (_stage, client) = shop(setup, JOB).await;
        let id = client.sync().await;
        let mut slow = client.stream(&id, None).await;
        slow.next().await.unwrap();
        let mut report: ApplicationReport = client.get(&address("")).await;
        while report.current.is_some() {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            report = client.get(&address("")).await;
        }
        let rest = slow.rest().await;
        let missed = rest
            .iter()
            .position(|(_, record)| matches!(record, StreamRecord::Missed { records } if *records > 60_000));
        let missed = missed.unwrap_or_else(|| panic!("nothing was missed of {} records", rest.len()));
        let Some((_, StreamRecord::Past(view))) = rest.get(missed + 1) else {
            panic!("{:?}", rest.get(missed + 1));
        };
        assert!(view.seq > 5);
        assert!(matches!(
            rest.last(),
            Some((
                None,
                StreamRecord::End {
                    status: OperationStatus::Succeeded
                }
            ))
        ));
        // Who comes late gets the state before what is kept.
        let (first_id, first) = client.stream(&id, None).await.next().await.unwrap();
        assert!(first_id.is_some() && matches!(first, StreamRecord::Past(_)));
    });
}

#[test]
fn a_stream_goes_on_when_its_server_was_replaced() {
    in_virtual_time(async {
        let (stage, client) = shop(Setup::default(), &[GATE, CONFIG].join("---\n")).await;
        let id = client.sync().await;
        let mut stream = client.stream(&id, None).await;
        let waits = |record: &StreamRecord| matches!(record, StreamRecord::Waiting(waiting) if waiting.approvals().count() == 1);
        stream.until(waits).await;
        let left = client.server.leave().await;
        assert_eq!(
            left.iter().map(|left| left.operation.as_str()).collect::<Vec<_>>(),
            [id.as_str()]
        );
        let end = stream.rest().await;
        assert!(
            matches!(
                end.last(),
                Some((
                    None,
                    StreamRecord::End {
                        status: OperationStatus::Running
                    }
                ))
            ),
            "{end:?}"
        );
        // Nothing can be started on a server that ends.
        let (status, _) = client.post_text(&address("/triggers"), &sync()).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);

        let next = Client::new(&stage);
        next.write(stage.request_text(&[GATE, CONFIG].join("---\n")));
        let rows: Vec<ApplicationRow> = next.get(path::APPLICATIONS).await;
        assert_eq!(rows[0].state, ApplicationState::Left);
        // The client comes back with what it has, and is told how it looks.
        let mut stream = next.stream(&id, Some("3")).await;
        stream.until(|record| matches!(record, StreamRecord::Past(_))).await;
        let outcome = next.trigger(&Trigger::Resume {}).await;
        assert_eq!(outcome.operation.as_ref(), Some(&id));
        // It comes back once more: from now on it is followed here.
        assert!(
            !stream
                .rest()
                .await
                .iter()
                .any(|(_, record)| matches!(record, StreamRecord::End { .. }))
        );
        let mut stream = next.stream(&id, None).await;
        stream.until(waits).await;
        let approval = Approval {
            hook: None,
            verdict: Verdict::Approved,
            reason: "looks good".to_owned(),
        };
        let outcome: Outcome = next.post(&address("/approvals"), &approval).await;
        assert_eq!(outcome.message, "approved gate");
        let end = stream.rest().await;
        assert!(matches!(
            end.last(),
            Some((
                None,
                StreamRecord::End {
                    status: OperationStatus::Succeeded
                }
            ))
        ));
    });
}

/// A stream of the list has all rows first, and then each that changes.
#[test]
fn the_list_follows_what_happens() {
    in_virtual_time(async {
        let (_stage, client) = shop(Setup::default(), &[GATE, CONFIG].join("---\n")).await;
        let response = client
            .send(
                client
                    .request(Method::GET, path::LIST_STREAM)
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        let mut body = response.into_body().into_data_stream();
        let mut reader = capstan_api::frames::FrameReader::new();
        let mut seen = Vec::new();
        let mut id = None;
        while !seen.contains(&ApplicationState::WaitsForPerson) {
            use futures::StreamExt as _;
            let chunk = body.next().await.unwrap().unwrap();
            for frame in reader.read(&chunk).unwrap() {
                match capstan_api::stream::ListRecord::of_frame(&frame).unwrap() {
                    capstan_api::stream::ListRecord::All(rows) => {
                        assert!(seen.is_empty());
                        seen.extend(rows.iter().map(|row| row.state));
                        id = Some(client.sync().await);
                    }
                    capstan_api::stream::ListRecord::Row(row) => seen.push(row.state),
                    capstan_api::stream::ListRecord::Gone(application) => panic!("{application:?} is gone"),
                }
            }
        }
        assert_eq!(seen.first(), Some(&ApplicationState::New));
        assert!(id.is_some());
        let row: Vec<ApplicationRow> = client.get(path::APPLICATIONS).await;
        assert!(row[0].now.contains("gate"), "{:?}", row[0].now);
        let page: OperationPage = client.get(&address("/operations/current")).await;
        assert!(page.is_driven && page.view.status == Some(OperationStatus::Running));
    });
}
