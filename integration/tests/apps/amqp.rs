//! AMQP 0-9-1, which RabbitMQ speaks: messages that are confirmed, and a look at those of a queue, which stay there.

use std::{future::Future, net::IpAddr, time::Duration};

use amqprs::{
    Ack, BasicProperties, Cancel, CloseChannel, DELIVERY_MODE_PERSISTENT, FieldTable, Nack, Return,
    callbacks::ChannelCallback,
    channel::{
        BasicConsumeArguments, BasicPublishArguments, BasicQosArguments, Channel, ConfirmSelectArguments,
        ConsumerMessage, QueueDeclareArguments,
    },
    connection::{Connection, OpenConnectionArguments},
    error::Error,
};
use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::timeout,
};

const PORT: u16 = 5672;

/// A server that does not answer for so long is asked no more.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Whoever looks at a queue may hold so many of its messages: as many as the protocol can say.
const HELD_MAX: u16 = u16::MAX;

/// A connection to one server, with one channel that confirms.
pub(crate) struct Client {
    runtime: Runtime,
    /// Until the client goes: both of them say good-bye when they are dropped, and need the runtime for it.
    open: Option<(Channel, Connection)>,
    /// What the server says of each message: whether it has it.
    confirmed: UnboundedReceiver<bool>,
}

impl Client {
    pub(crate) fn connect(server: IpAddr, user: &str, password: &str) -> Result<Client> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (confirms, confirmed) = mpsc::unbounded_channel();
        let open = runtime.block_on(within(async {
            let to = OpenConnectionArguments::new(&server.to_string(), PORT, user, password);
            let connection = Connection::open(&to).await?;
            let channel = connection.open_channel(None).await?;
            channel.register_callback(Confirms(confirms)).await?;
            channel.confirm_select(ConfirmSelectArguments::default()).await?;
            Ok((channel, connection))
        }))?;
        Ok(Client { runtime, open: Some(open), confirmed })
    }

    /// Declares a queue that outlives its servers, of a type: `quorum` or `classic`.
    pub(crate) fn declare(&self, queue: &str, kind: &str) -> Result<()> {
        let mut with = FieldTable::new();
        with.insert("x-queue-type".try_into()?, kind.into());
        let wanted = QueueDeclareArguments::durable_client_named(queue).arguments(with).finish();
        let channel = self.channel()?;
        self.runtime.block_on(within(async {
            channel.queue_declare(wanted).await?;
            Ok(())
        }))
    }

    /// Returns when the server has confirmed that the message is in the queue.
    pub(crate) fn publish(&mut self, queue: &str, text: &str) -> Result<()> {
        let (channel, _) = self.open.as_ref().context("the connection is closed")?;
        let confirmed = &mut self.confirmed;
        self.runtime.block_on(within(async {
            let properties = BasicProperties::default().with_delivery_mode(DELIVERY_MODE_PERSISTENT).finish();
            let to = BasicPublishArguments::new("", queue).mandatory(true).finish();
            channel.basic_publish(properties, text.into(), to).await?;
            ensure!(confirmed.recv().await == Some(true), "the message is not confirmed");
            Ok(())
        }))
    }

    /// Begins to look at a queue. What is seen goes back when the client goes.
    pub(crate) fn look(&self, queue: &str) -> Result<UnboundedReceiver<ConsumerMessage>> {
        let channel = self.channel()?;
        self.runtime.block_on(within(async {
            channel.basic_qos(BasicQosArguments::new(0, HELD_MAX, false)).await?;
            let wanted = BasicConsumeArguments::new(queue, "").manual_ack(true).finish();
            Ok(channel.basic_consume_rx(wanted).await?.1)
        }))
    }

    /// The next message that somebody sees who looks.
    pub(crate) fn next(&self, seen: &mut UnboundedReceiver<ConsumerMessage>) -> Result<String> {
        let message = self.runtime.block_on(within(async { seen.recv().await.context("the channel is closed") }))?;
        Ok(String::from_utf8(message.content.unwrap_or_default())?)
    }

    fn channel(&self) -> Result<&Channel> {
        Ok(&self.open.as_ref().context("the connection is closed")?.0)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let Some((channel, connection)) = self.open.take() else { return };
        let closed = within(async move {
            channel.close().await?;
            connection.close().await?;
            Ok(())
        });
        // A server that is gone hears no good-bye.
        drop(self.runtime.block_on(closed));
    }
}

async fn within<T>(what: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(ANSWER_WITHIN, what).await.context("no answer")?
}

/// Hands on what the server says of messages.
struct Confirms(UnboundedSender<bool>);

impl Confirms {
    fn say(&self, is_confirmed: bool) {
        // Nobody hears it when the client is gone.
        self.0.send(is_confirmed).ok();
    }
}

#[async_trait]
impl ChannelCallback for Confirms {
    async fn publish_ack(&mut self, _: &Channel, _: Ack) {
        self.say(true);
    }

    async fn publish_nack(&mut self, _: &Channel, _: Nack) {
        self.say(false);
    }

    /// There is no such queue; the confirmation that follows means nothing.
    async fn publish_return(&mut self, _: &Channel, _: Return, _: BasicProperties, _: Vec<u8>) {
        self.say(false);
    }

    async fn close(&mut self, _: &Channel, _: CloseChannel) -> Result<(), Error> {
        self.say(false);
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), Error> {
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, _: bool) -> Result<bool, Error> {
        Ok(true)
    }
}
