// Watch and makeInformer: what changes, in order.

import assert from 'node:assert/strict';
import { CoreV1Api, PatchStrategy, Watch, makeInformer, setHeaderOptions } from '@kubernetes/client-node';
import { NAMESPACE as namespace, connect, done, eventually, step } from './steps.mjs';

const config = connect();
const core = config.makeApiClient(CoreV1Api);
const path = `/api/v1/namespaces/${namespace}/configmaps`;
const labelSelector = 'watched=yes';
const make = (name) =>
    core.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels: { watched: 'yes' } } } });
const change = (name, body) =>
    core.patchNamespacedConfigMap(
        { namespace, name, body },
        setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );

// What a watch hears until the server ends it, after `seconds`; `meanwhile` is done once it is open.
async function heard(seconds, parameters, meanwhile = async () => {}) {
    const events = [];
    const note = (type, object) => events.push([type, object.metadata?.name ?? object.reason]);
    const ended = new Promise((resolve) => {
        const query = { labelSelector, timeoutSeconds: seconds, ...parameters };
        new Watch(config).watch(path, query, note, resolve).then(meanwhile);
    });
    const failure = await ended;
    assert.ok(!failure, failure);
    return events;
}

await make('a');

step('begins with what is there, and hears what changes');
const events = await heard(4, {}, async () => {
    await make('b');
    await change('a', { data: { k: 'v' } });
    await core.deleteNamespacedConfigMap({ namespace, name: 'b' });
});
assert.deepEqual(events, [['ADDED', 'a'], ['ADDED', 'b'], ['MODIFIED', 'a'], ['DELETED', 'b']]);

step('goes on from a revision');
const { metadata } = await core.listNamespacedConfigMap({ namespace, labelSelector });
await change('a', { metadata: { labels: { watched: 'no' } } });
assert.deepEqual(await heard(1, { resourceVersion: metadata.resourceVersion }), [['DELETED', 'a']]);

step('keeps a cache by an informer');
await make('c');
const told = [];
const list = () => core.listNamespacedConfigMap({ namespace, labelSelector });
const informer = makeInformer(config, path, list, labelSelector);
for (const verb of ['add', 'update', 'delete']) informer.on(verb, (object) => told.push([verb, object.metadata.name]));
let failure;
informer.on('error', (error) => (failure = error));
await informer.start();
assert.deepEqual(informer.list(namespace).map((object) => object.metadata.name), ['c']);
await make('d');
await change('c', { data: { k: 'v' } });
await core.deleteNamespacedConfigMap({ namespace, name: 'c' });
await eventually('its handlers have heard of all changes', () => told.length === 4);
assert.deepEqual(told, [['add', 'c'], ['add', 'd'], ['update', 'c'], ['delete', 'c']]);
assert.deepEqual(informer.list(namespace).map((object) => object.metadata.name), ['d']);
assert.equal(failure, undefined);
// The library tells of the watch that it aborts as of an error.
await informer.stop();

step('hears that a revision is too old');
// More than the eight MiB of changes that are kept.
for (let round = 0; round < 12; round += 1) await change('d', { data: { k: round.toString(16).repeat(900_000) } });
assert.deepEqual(await heard(1, { resourceVersion: metadata.resourceVersion }), [['ERROR', 'Expired']]);
done();
