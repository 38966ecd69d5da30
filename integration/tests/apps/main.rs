//! Clustered applications in their own programs: each example of `examples/` with one is applied as it stands there, written to,
//! hurt, scaled and updated. `story.rs` has the steps and says how to add an application.

mod amqp;
mod bare;
mod etcd;
mod galera;
mod http;
mod jute;
mod ledger;
mod postgres;
mod rabbitmq;
mod redis;
mod redis_cluster;
mod resp;
mod sql;
mod story;
mod zookeeper;
