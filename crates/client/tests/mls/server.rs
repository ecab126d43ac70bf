//! What the server does with handshakes: `PublicGroup`, built from our group info, follows our commits.

use dunlin_client::mls::Suite;
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn, ProcessedMessageContent, ProposalStore, PublicGroup};
use openmls_rust_crypto::{MemoryStorage, RustCrypto};

use crate::device::{Device, apply_all, group_of};

fn group_info(message: &[u8]) -> VerifiableGroupInfo {
    let MlsMessageBodyIn::GroupInfo(info) = MlsMessageIn::tls_deserialize_exact(message).unwrap().extract()
    else {
        panic!("no group info");
    };
    info
}

#[test]
fn a_public_group_follows_commits_and_refuses_bad_ones() {
    for suite in Suite::ALL {
        let (crypto, storage) = (RustCrypto::default(), MemoryStorage::default());
        let mut devices = group_of(5, suite);
        let first = devices[0].commit(&[], &[]);
        apply_all(&mut devices, &first.commit);
        let info = group_info(&first.group_info);
        let tree = info.extensions().ratchet_tree().unwrap().ratchet_tree().clone();
        let (mut public, _) =
            PublicGroup::from_external(&crypto, &storage, tree, info, ProposalStore::new()).unwrap();
        let mut sixth = Device::new(6);
        let leaving = devices.pop().unwrap().id();
        let mut process = |commit: &[u8]| {
            let message =
                MlsMessageIn::tls_deserialize_exact(commit).unwrap().try_into_protocol_message().unwrap();
            let processed = public.process_message(&crypto, message).map_err(|error| error.to_string())?;
            let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
                return Err("no commit".to_owned());
            };
            public.merge_commit(&storage, *staged).map_err(|error| error.to_string())?;
            Ok(public.group_context().epoch().as_u64())
        };
        let changing = devices[1].commit(&[sixth.key_package(suite)], &[leaving]);
        let mut damaged = changing.commit.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        assert!(process(&damaged).is_err());
        assert_eq!(process(&changing.commit), Ok(3));
        assert!(process(&changing.commit).is_err(), "of an epoch that is over");
        apply_all(&mut devices, &changing.commit);
        sixth.join(changing.welcome.as_ref().unwrap());
        let entering = Device::new(7).enter(&changing.group_info);
        assert_eq!(process(&entering.commit), Ok(4));
        assert_eq!(public.members().count(), 6);
    }
}
