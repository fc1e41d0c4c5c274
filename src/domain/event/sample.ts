/** The sample event of the contract, unchanged. */
export const SAMPLE_EVENT = {
  user_id: 'user123',
  group_id: 'account123',
  traits: {
    name: 'account name',
    industry: 'industry belongs to',
    plan: 'name of plan associate with account',
    employees: 'total number of employees account have',
  },
  timestamp: '20-11-23T22:28:55.111Z',
} as const
