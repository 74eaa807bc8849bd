// What is called, and with what: one entry a measurement, by the name that the plan gives.

const CARD = 'PAYMENT_METHOD_CARD';
const AMOUNT = { amount_minor: '1999', currency_code: 'EUR' };
const COUNTRY = 'FR';

const ECHO = { file: 'echo.proto', method: 'paygate.benchmark.Echo/Echo' };
const CREATE = {
  file: 'paygate/v1/payment_service.proto',
  method: 'paygate.v1.PaymentService/CreatePayment',
};
const GET = {
  file: 'paygate/v1/payment_service.proto',
  method: 'paygate.v1.PaymentService/GetPayment',
};
const PROPOSE = {
  file: 'paygate/v1/proposal_service.proto',
  method: 'paygate.v1.ProposalService/GetPaymentProposal',
};

function echo() {
  return { words: `pay_${'0'.repeat(26)}` };
}

function create(plan, caller, turn) {
  return {
    request_id: crypto.randomUUID(),
    order_id: `${plan.run}-${caller}-${turn}`,
    country_code: COUNTRY,
    method: CARD,
    amount: AMOUNT,
  };
}

function get(plan, caller, turn) {
  return { payment_id: plan.payment_ids[(caller * 31 + turn) % plan.payment_ids.length] };
}

function propose(plan) {
  return { country_code: COUNTRY, customer_id: plan.customer_id, amount: AMOUNT };
}

function isCreated(answer) {
  return answer.payment.state === 'PAYMENT_STATE_AWAITING_CUSTOMER';
}

// An answer that is not what was to be measured ends the run, as a failed call does.
export const CALLS = {
  echo: { ...ECHO, request: echo, isGood: (answer) => answer.words.length > 0 },
  CreatePayment: { ...CREATE, request: create, isGood: isCreated },
  GetPayment: { ...GET, request: get, isGood: (answer) => answer.payment.id !== '' },
  GetPaymentProposal: {
    ...PROPOSE,
    request: propose,
    isGood: (answer) => answer.aliases.length === 2,
  },
};
