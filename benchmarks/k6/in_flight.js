// So many CreatePayment at once, and as many again when those are answered.
//
// PLAN names a file of JSON: address, proto_folders, connections, in_flight, waves, run. Each of a
// few callers has its share of the calls under way over one connection. Prints the figures as JSON.

import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import grpc from 'k6/net/grpc';

import { CALLS } from './requests.js';

const plan = JSON.parse(open(__ENV.PLAN));
const call = CALLS.CreatePayment;
const share = plan.in_flight / plan.connections;
const client = new grpc.Client();
client.load(plan.proto_folders, call.file);
const good = new Counter('good');
const bad = new Counter('bad');

export const options = {
  scenarios: {
    waves: {
      executor: 'per-vu-iterations',
      vus: plan.connections,
      iterations: 1,
      maxDuration: '10m',
    },
  },
  summaryTrendStats: ['count', 'p(50)', 'p(99)', 'max'],
  systemTags: [],
  thresholds: { grpc_req_duration: [] },
};

export function setup() {
  console.info('callers are ready');
}

// One call after the other, in as many waves; a failure is told, and counts.
async function calling(number) {
  for (let wave = 0; wave < plan.waves; wave += 1) {
    const request = call.request(plan, exec.vu.idInTest, `${number}-${wave}`);
    const answer = await client.asyncInvoke(call.method, request, { timeout: '60s' });
    const isGood = answer.status === grpc.StatusOK && call.isGood(answer.message);
    (isGood ? good : bad).add(1);
    if (!isGood) {
      console.error(JSON.stringify(answer.error || answer));
    }
  }
}

export default async function () {
  client.connect(plan.address, { plaintext: true });
  await Promise.all(Array.from({ length: share }, (_, number) => calling(number)));
  client.close();
}

export function handleSummary(data) {
  const count = (name) => (data.metrics[name] ? data.metrics[name].values.count : 0);
  return {
    stdout: JSON.stringify({
      good: count('good'),
      bad: count('bad'),
      calls: data.metrics.grpc_req_duration.values,
    }),
  };
}
