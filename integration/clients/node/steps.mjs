// What the programs beside this one share: a client of the server that KUBECONFIG names, and a line for each step.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiException, KubeConfig } from '@kubernetes/client-node';

export const NAMESPACE = 'default';
// Nothing on a machine that works takes longer.
const PATIENCE_MS = 90_000;

// Says what comes next: the last line of a program that failed is the step that did.
export function step(name) {
    console.log(`step: ${name}`);
}

export function done() {
    console.log('all steps are done');
    // What the library holds open would keep the program from its end.
    process.exit(0);
}

export function connect() {
    const config = new KubeConfig();
    config.loadFromDefault();
    return config;
}

// Waits until a condition holds, and returns what it gave.
export async function eventually(what, condition) {
    for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await sleep(100)) {
        const value = await condition();
        if (value) return value;
    }
    assert.fail(`never came true: ${what}`);
}

// What is promised has to be refused with this code, in these words.
export async function refused(code, words, promise) {
    await assert.rejects(promise, (error) => {
        assert.ok(error instanceof ApiException, error);
        assert.equal(error.code, code);
        const status = typeof error.body === 'string' ? JSON.parse(error.body) : error.body;
        assert.match(status.message, words);
        return true;
    });
}

// A pod of one container, `app`.
export function pod(name, command, more = {}) {
    const container = { name: 'app', image: 'busybox:1', command, ...more };
    return { metadata: { name }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } };
}

export function isReady(pod) {
    return (pod.status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True');
}

// The spec of a set of pods that sleep.
export function setSpec(name, replicas) {
    const labels = { app: name };
    const annotations = { 'pod.alpha.kubernetes.io/initialized': 'true' };
    const container = { name: 'pet', image: 'busybox:1', command: ['sleep', '1000000'] };
    return {
        serviceName: name,
        replicas,
        selector: { matchLabels: labels },
        template: {
            metadata: { labels, annotations },
            spec: { terminationGracePeriodSeconds: 0, containers: [container] },
        },
    };
}
