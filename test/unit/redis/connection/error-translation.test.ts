import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Unavailable } from '../../../../src/pipeline/errors.ts'
import { codeOf, failureOf } from '../../../../src/redis/connection/error-translation.ts'

const IN_SCRIPT = 'ERR Error running script (call to f_0123abc): @user_script:1: @user_script: 1: '

describe('an error of the client', () => {
  test.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", 'OOM'],
    ['ERR OOM command not allowed. script: 0123abc, on @user_script:45.', 'OOM'],
    ['ERR ACL failure in script: User u has no permissions to run', 'NOPERM'],
    [`${IN_SCRIPT}-OOM command not allowed when used memory > 'maxmemory'.\n`, 'OOM'],
    [`${IN_SCRIPT}-READONLY You can't write against a read only replica.`, 'READONLY'],
    [`${IN_SCRIPT}The user executing the script can't run this command or subcommand`, 'NOPERM'],
    ['NOPERM ACL failure in script: User u has no permissions to run', 'NOPERM'],
    ['MISCONF Redis is configured to save RDB snapshots, but', 'MISCONF'],
    ['LOADING Redis is loading the dataset in memory', 'LOADING'],
    ['BUSY Redis is busy running a script.', 'BUSY'],
    ['NOREPLICAS Not enough good replicas to write.', 'NOREPLICAS'],
    ['CLUSTERDOWN Hash slot not served', 'CLUSTERDOWN'],
    ['MASTERDOWN Link with MASTER is down', 'MASTERDOWN'],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'TRYAGAIN'],
    ['MOVED 866 127.0.0.1:7000', 'MOVED'],
    ['ASK 866 127.0.0.1:7000', 'ASK'],
    ['NOAUTH Authentication required.', 'NOAUTH'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'WRONGPASS'],
    ["NOPERM this user has no permissions to run the 'eval' command", 'NOPERM'],
    ['ERR max number of clients reached', 'MAXCLIENTS'],
  ])('that Redis recovers from is an outage: %s', (message, code) => {
    const failure = failureOf(reply(message))
    expect(failure).toBeInstanceOf(Unavailable)
    expect(String(failure)).toContain(`(${code})`)
  })

  test.each([
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [Object.assign(new Error('getaddrinfo'), { code: 'EAI_AGAIN' }), 'EAI_AGAIN'],
    [Object.assign(new Error('tls'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), 'DEPTH_ZERO'],
    [new Error('Command timed out'), 'TIMEOUT'],
    [new Error('Connection is closed.'), 'DISCONNECTED'],
    [new Error("Stream isn't writeable and enableOfflineQueue options is false"), 'DISCONNECTED'],
    [named('MaxRetriesPerRequestError'), 'DISCONNECTED'],
    [new Error('Too many Cluster redirections. Last error: x'), 'CLUSTER'],
    [Object.assign(new Error('x'), { lastNodeError: reply('LOADING x') }), 'LOADING'],
  ])('of the network is an outage: %s', (error, code) => {
    const failure = failureOf(error)
    expect(failure).toBeInstanceOf(Unavailable)
    expect(String(failure)).toContain(code)
  })

  test.each([
    reply('ERR unknown command'),
    reply('WRONGTYPE Operation against a key holding the wrong kind of value'),
    reply('CROSSSLOT Keys in request do not hash to the same slot'),
    reply(`${IN_SCRIPT}attempt to index a nil value`),
    new TypeError('x is not a function'),
    Object.assign(new TypeError('argument'), { code: 'ERR_INVALID_ARG_TYPE' }),
    new Error('All keys in the pipeline should belong to the same slots allocation group'),
  ])('of any other kind is a bug, and returned unchanged: %s', (error) => {
    expect(failureOf(error)).toBe(error)
  })

  test('never keeps the arguments of its command: they are user data', () => {
    const command = { name: 'evalsha', args: ['hunter2'] }
    for (const message of ['OOM x', 'ERR x']) {
      const nested = Object.assign(reply(message), { command })
      for (const error of [
        Object.assign(reply(message), { command, previousErrors: [nested] }),
        Object.assign(named('ClusterAllFailedError'), { lastNodeError: nested }),
      ]) {
        expect(inspect(failureOf(error), { depth: 9 })).not.toContain('hunter2')
      }
    }
  })

  test('that says only that the connection is away becomes the reason why it is away', () => {
    const cut = new Error('Connection is closed.')
    expect(String(failureOf(cut, reply('WRONGPASS x')))).toContain('(WRONGPASS)')
    for (const unknown of [reply('ERR DB index is out of range'), new Error('x'), null]) {
      expect(String(failureOf(cut, unknown))).toContain('(DISCONNECTED)')
    }
    expect(String(failureOf(reply('OOM x'), reply('WRONGPASS x')))).toContain('(OOM)')
  })

  test('has no code if it says nothing of Redis or the network', () => {
    expect(codeOf(new Error('something'))).toBeNull()
  })
})

function reply(message: string): Error {
  return named('ReplyError', message)
}

function named(name: string, message = 'x'): Error {
  return Object.assign(new Error(message), { name })
}
