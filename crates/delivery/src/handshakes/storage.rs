//! The storage that openmls asks for: it keeps nothing, since what is seen of a group follows from the log.

use std::convert::Infallible;

use openmls_traits::public_storage::PublicStorageProvider;
use openmls_traits::storage::CURRENT_VERSION;
use openmls_traits::storage::traits;

const V: u16 = CURRENT_VERSION;

/// Keeps nothing.
pub(super) struct Nowhere;

impl PublicStorageProvider<V> for Nowhere {
    type PublicError = Infallible;

    fn write_tree<G: traits::GroupId<V>, T: traits::TreeSync<V>>(
        &self,
        _group: &G,
        _tree: &T,
    ) -> Result<(), Infallible> {
        Ok(())
    }

    fn write_interim_transcript_hash<G: traits::GroupId<V>, H: traits::InterimTranscriptHash<V>>(
        &self,
        _group: &G,
        _hash: &H,
    ) -> Result<(), Infallible> {
        Ok(())
    }

    fn write_context<G: traits::GroupId<V>, C: traits::GroupContext<V>>(
        &self,
        _group: &G,
        _context: &C,
    ) -> Result<(), Infallible> {
        Ok(())
    }

    fn write_confirmation_tag<G: traits::GroupId<V>, C: traits::ConfirmationTag<V>>(
        &self,
        _group: &G,
        _tag: &C,
    ) -> Result<(), Infallible> {
        Ok(())
    }

    fn queue_proposal<G: traits::GroupId<V>, R: traits::ProposalRef<V>, P: traits::QueuedProposal<V>>(
        &self,
        _group: &G,
        _reference: &R,
        _proposal: &P,
    ) -> Result<(), Infallible> {
        Ok(())
    }

    fn queued_proposals<G: traits::GroupId<V>, R: traits::ProposalRef<V>, P: traits::QueuedProposal<V>>(
        &self,
        _group: &G,
    ) -> Result<Vec<(R, P)>, Infallible> {
        Ok(Vec::new())
    }

    fn tree<G: traits::GroupId<V>, T: traits::TreeSync<V>>(
        &self,
        _group: &G,
    ) -> Result<Option<T>, Infallible> {
        Ok(None)
    }

    fn group_context<G: traits::GroupId<V>, C: traits::GroupContext<V>>(
        &self,
        _group: &G,
    ) -> Result<Option<C>, Infallible> {
        Ok(None)
    }

    fn interim_transcript_hash<G: traits::GroupId<V>, H: traits::InterimTranscriptHash<V>>(
        &self,
        _group: &G,
    ) -> Result<Option<H>, Infallible> {
        Ok(None)
    }

    fn confirmation_tag<G: traits::GroupId<V>, C: traits::ConfirmationTag<V>>(
        &self,
        _group: &G,
    ) -> Result<Option<C>, Infallible> {
        Ok(None)
    }

    fn delete_tree<G: traits::GroupId<V>>(&self, _group: &G) -> Result<(), Infallible> {
        Ok(())
    }

    fn delete_confirmation_tag<G: traits::GroupId<V>>(&self, _group: &G) -> Result<(), Infallible> {
        Ok(())
    }

    fn delete_context<G: traits::GroupId<V>>(&self, _group: &G) -> Result<(), Infallible> {
        Ok(())
    }

    fn delete_interim_transcript_hash<G: traits::GroupId<V>>(&self, _group: &G) -> Result<(), Infallible> {
        Ok(())
    }

    fn remove_proposal<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        _group: &G,
        _reference: &R,
    ) -> Result<(), Infallible> {
        Ok(())
    }

    fn clear_proposal_queue<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        _group: &G,
    ) -> Result<(), Infallible> {
        Ok(())
    }
}
