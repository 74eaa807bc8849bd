// So many callers for so long, each with a connection of its own and one call at a time.
//
// PLAN names a file of JSON: call, address, proto_folders, in_flight, warm_up_s, run_s, run (a word
// that no other run has), and what the call needs besides. Prints the figures as JSON.

import exec from 'k6/execution';
import grpc from 'k6/net/grpc';

import { CALLS } from './requests.js';

const plan = JSON.parse(open(__ENV.PLAN));
const call = CALLS[plan.call];
const client = new grpc.Client();
client.load(plan.proto_folders, call.file);
// To read an answer costs k6 more than to get it: one in so many is looked at.
const LOOKED_AT = 50;
// Calls of the warm-up carry another tag, and so count apart.
const WARM_UP = { tags: { measured: 'no' }, timeout: '60s' };
const MEASURED = { tags: { measured: 'yes' }, timeout: '60s' };
const UNREAD = { discardResponseMessage: true };

export const options = {
  scenarios: {
    calls: {
      executor: 'constant-vus',
      vus: plan.in_flight,
      duration: `${plan.warm_up_s + plan.run_s}s`,
      gracefulStop: '60s',
    },
  },
  summaryTrendStats: ['count', 'p(50)', 'p(99)'],
  // Tags cost on each call; a threshold that always holds makes a figure of its own.
  systemTags: [],
  thresholds: { grpc_req_duration: [], 'grpc_req_duration{measured:yes}': [] },
};

let isConnected = false;
let turn = 0;

export function setup() {
  console.info('callers are ready');
}

export default function () {
  if (!isConnected) {
    client.connect(plan.address, { plaintext: true });
    isConnected = true;
  }
  const isWarm = Date.now() - exec.scenario.startTime >= plan.warm_up_s * 1000;
  const isLookedAt = turn % LOOKED_AT === 0;
  const request = call.request(plan, exec.vu.idInTest, turn);
  const how = isWarm ? MEASURED : WARM_UP;
  const answer = client.invoke(call.method, request, isLookedAt ? how : { ...how, ...UNREAD });
  turn += 1;
  if (answer.status !== grpc.StatusOK || (isLookedAt && !call.isGood(answer.message))) {
    exec.test.abort(`${plan.call} answered ${JSON.stringify(answer)}`);
  }
}

export function handleSummary(data) {
  return {
    stdout: JSON.stringify({
      all: data.metrics.grpc_req_duration.values,
      measured: data.metrics['grpc_req_duration{measured:yes}'].values,
    }),
  };
}
