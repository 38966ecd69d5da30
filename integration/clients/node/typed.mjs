// The typed APIs, and KubernetesObjectApi for objects of any kind.

import assert from 'node:assert/strict';
import {
    AppsV1Api,
    CoordinationV1Api,
    CoreV1Api,
    CustomObjectsApi,
    DiscoveryV1Api,
    KubernetesObjectApi,
    PatchStrategy,
    V1MicroTime,
    VersionApi,
    setHeaderOptions,
} from '@kubernetes/client-node';
import { NAMESPACE as namespace, connect, done, eventually, isReady, refused, setSpec, step } from './steps.mjs';

const config = connect();
const core = config.makeApiClient(CoreV1Api);
const apps = config.makeApiClient(AppsV1Api);
const pages = { namespace, labelSelector: 'app=pages' };
const as = (strategy) => setHeaderOptions('Content-Type', strategy);

step('creates, reads and lists in pages');
for (let index = 0; index < 5; index += 1) {
    const metadata = { name: `page-${index}`, labels: { app: 'pages' } };
    await core.createNamespacedConfigMap({ namespace, body: { metadata, data: { index: String(index) } } });
}
const read = await core.readNamespacedConfigMap({ namespace, name: 'page-3' });
assert.deepEqual(read.data, { index: '3' });
assert.ok(read.metadata.creationTimestamp instanceof Date);
const names = [];
for (let token; ; ) {
    const page = await core.listNamespacedConfigMap({ ...pages, limit: 2, _continue: token });
    names.push(...page.items.map((item) => item.metadata.name));
    token = page.metadata._continue;
    if (!token) break;
}
assert.deepEqual(names, ['page-0', 'page-1', 'page-2', 'page-3', 'page-4']);
await refused(404, /configmaps "missing" not found/, core.readNamespacedConfigMap({ namespace, name: 'missing' }));

step('patches in three content types');
await apps.createNamespacedStatefulSet({ namespace, body: { metadata: { name: 'web' }, spec: setSpec('web', 0) } });
const patched = async (body, strategy) =>
    (await apps.patchNamespacedStatefulSet({ namespace, name: 'web', body }, as(strategy))).spec.template.spec.containers;
const added = { spec: { template: { spec: { containers: [{ name: 'pet', workingDir: '/tmp' }] } } } };
const [merged] = await patched(added, PatchStrategy.StrategicMergePatch);
assert.deepEqual([merged.image, merged.workingDir], ['busybox:1', '/tmp']);
const [operated] = await patched(
    [{ op: 'replace', path: '/spec/template/spec/containers/0/workingDir', value: '/' }],
    PatchStrategy.JsonPatch,
);
assert.equal(operated.workingDir, '/');
await refused(422, /spec.template.spec.containers\[0\].image: Required value/, patched(added, PatchStrategy.MergePatch));

step('replaces, and hears of a lost race');
read.data.index = 'replaced';
await core.replaceNamespacedConfigMap({ namespace, name: 'page-3', body: read });
const lost = core.replaceNamespacedConfigMap({ namespace, name: 'page-3', body: read });
await refused(409, /the object has been modified/, lost);

step('scales, and sees the pets come');
const scale = await apps.patchNamespacedStatefulSetScale(
    { namespace, name: 'web', body: { spec: { replicas: 2 } } },
    as(PatchStrategy.MergePatch),
);
assert.equal(scale.spec.replicas, 2);
const pets = await eventually('two pets are ready', async () => {
    const { items } = await core.listNamespacedPod({ namespace, labelSelector: 'app=web' });
    return items.length === 2 && items.every(isReady) ? items : null;
});
assert.deepEqual(pets.map((pet) => pet.metadata.name), ['web-0', 'web-1']);

step('reads all that is written for it');
for (const listed of [
    await core.listNode(),
    await core.listEventForAllNamespaces(),
    await core.listServiceAccountForAllNamespaces(),
    await apps.listControllerRevisionForAllNamespaces(),
    await config.makeApiClient(VersionApi).getCode().then((version) => ({ items: [version.minor] })),
]) {
    assert.ok(listed.items.length > 0);
}
assert.deepEqual((await config.makeApiClient(DiscoveryV1Api).listNamespacedEndpointSlice({ namespace })).items, []);

step('renews a lease');
const leases = config.makeApiClient(CoordinationV1Api);
const lease = { metadata: { name: 'held' }, spec: { holderIdentity: 'node', renewTime: new V1MicroTime() } };
const held = await leases.createNamespacedLease({ namespace, body: lease });
assert.equal(new Date(held.spec.renewTime).getTime(), lease.spec.renewTime.getTime());

step('drives PetSets without a model of them');
const custom = config.makeApiClient(CustomObjectsApi);
const objects = KubernetesObjectApi.makeApiClient(config);
const petset = { apiVersion: 'apps/v1alpha1', kind: 'PetSet', metadata: { name: 'pets', namespace } };
const made = await objects.create({ ...petset, spec: setSpec('pets', 0) });
assert.equal(made.spec.serviceName, 'pets');
const scaled = await objects.patch({ ...petset, spec: { replicas: 1 } }, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch);
assert.equal(scaled.spec.replicas, 1);
const [listed] = (await objects.list('apps/v1alpha1', 'PetSet', namespace)).items;
assert.equal(listed.metadata.uid, made.metadata.uid);
const place = { group: 'apps', version: 'v1alpha1', namespace, plural: 'petsets', name: 'pets' };
assert.equal((await custom.getNamespacedCustomObjectScale(place)).spec.replicas, 1);
// Without a resourceVersion: the controller may have written the status meanwhile.
await refused(422, /fields other than 'replicas' are forbidden/, objects.replace({ ...petset, spec: setSpec('other', 1) }));
await objects.delete(petset);
await refused(404, /petsets.apps "pets" not found/, objects.read(petset));

step('deletes what depends on it first, and whole collections');
const deleted = await apps.deleteNamespacedStatefulSet({ namespace, name: 'web', propagationPolicy: 'Foreground' });
assert.ok(deleted);
await eventually('the pets are gone', async () => {
    const { items } = await core.listNamespacedPod({ namespace, labelSelector: 'app=web' });
    return items.length === 0;
});
await core.deleteCollectionNamespacedConfigMap(pages);
assert.deepEqual((await core.listNamespacedConfigMap(pages)).items, []);
done();
