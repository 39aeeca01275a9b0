//! Work on images: each takes memory for its pixels, so few are worked on at once.

use std::{io, sync::Arc};

use tokio::sync::Semaphore;

use crate::tasks::Tasks;

/// Images that are worked on at once.
const MAX_IMAGES: usize = 2;

pub(super) struct Images {
    permits: Arc<Semaphore>,
    tasks: Tasks,
}

impl Images {
    pub(super) fn new(tasks: Tasks) -> Self {
        Self { permits: Arc::new(Semaphore::new(MAX_IMAGES)), tasks }
    }

    /// What `find` finds, once it is this one's turn, or else what comes of `make`. That goes on to its end and counts
    /// until then, also when whoever asked is gone: a decoder cannot be stopped.
    pub(super) async fn find_or_make<T, E>(
        &self,
        find: impl Future<Output = Result<Option<T>, E>>,
        make: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<io::Error> + Send + 'static,
    {
        let permit = self.permits.clone().acquire_owned().await.map_err(io::Error::other)?;
        // Somebody before may have asked for the same.
        if let Some(found) = find.await? {
            return Ok(found);
        }
        self.tasks
            .complete(async move {
                let made = make.await;
                drop(permit);
                made
            })
            .await?
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::ready,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use futures_util::{FutureExt, future::join_all};
    use tokio::sync::oneshot;

    use super::*;

    /// Work that says when it begins and waits until it may end.
    async fn work(begun: oneshot::Sender<()>, end: oneshot::Receiver<()>) -> io::Result<()> {
        begun.send(()).unwrap();
        end.await.map_err(io::Error::other)
    }

    #[tokio::test]
    async fn work_counts_to_its_end_when_whoever_asked_is_gone() {
        let tasks = Tasks::default();
        let images = Images::new(tasks.clone());
        let mut ends = Vec::new();
        for _ in 0..MAX_IMAGES {
            let ((begin, begun), (end, ended)) = (oneshot::channel(), oneshot::channel());
            let mut asked = Box::pin(images.find_or_make(ready(Ok(None)), work(begin, ended)));
            tokio::select! {
                _ = &mut asked => panic!("it has not ended"),
                begun = begun => begun.unwrap(),
            }
            drop(asked);
            ends.push(end);
        }
        let ((begin, mut begun), (end, ended)) = (oneshot::channel(), oneshot::channel());
        let mut asked = Box::pin(images.find_or_make(ready(Ok(None)), work(begin, ended)));
        assert!(asked.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
        assert!(begun.try_recv().is_err(), "too many at once");
        ends.pop().unwrap().send(()).unwrap();
        end.send(()).unwrap();
        asked.await.unwrap();
        ends.pop().unwrap().send(()).unwrap();
        tasks.finish().await;
    }

    #[tokio::test]
    async fn same_image_is_not_made_for_each_who_waits() {
        let images = Images::new(Tasks::default());
        let (made, count): (Arc<Mutex<Option<usize>>>, _) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
        let ask = async || {
            let (kept, counted) = (made.clone(), count.clone());
            let make = async move {
                tokio::task::yield_now().await;
                *kept.lock().unwrap() = Some(counted.fetch_add(1, Ordering::Relaxed));
                io::Result::Ok(0)
            };
            images.find_or_make(async { Ok(*made.lock().unwrap()) }, make).await.unwrap();
        };
        join_all((0..10).map(|_| ask())).await;
        assert_eq!(count.load(Ordering::Relaxed), MAX_IMAGES);
    }
}
