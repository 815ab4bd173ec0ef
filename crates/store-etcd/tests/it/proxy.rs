//! A way to etcd that can be cut for one store alone.

use std::{net::Ipv4Addr, sync::Arc};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Passes bytes on until it is cut; cut, it closes every connection and accepts none.
pub(crate) struct Proxy {
    url: String,
    is_open: Arc<watch::Sender<bool>>,
}

impl Proxy {
    pub(crate) async fn start(target: &str) -> Self {
        let target = target.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let is_open = Arc::new(watch::Sender::new(true));
        let switch = Arc::clone(&is_open);
        tokio::spawn(async move {
            loop {
                let (mut inbound, _) = listener.accept().await.unwrap();
                let mut is_open = switch.subscribe();
                let target = target.clone();
                tokio::spawn(async move {
                    let carry = async {
                        if let Ok(mut outbound) = TcpStream::connect(target).await {
                            let _ = copy_bidirectional(&mut inbound, &mut outbound).await;
                        }
                    };
                    tokio::select! {
                        () = carry => {}
                        _ = is_open.wait_for(|is_open| !is_open) => {}
                    }
                });
            }
        });
        Proxy { url, is_open }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn cut(&self) {
        self.is_open.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.is_open.send_replace(true);
    }
}
