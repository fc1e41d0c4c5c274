import { describe, expect, test } from 'vitest'
import { describeAddress, parseRedisUrl } from '../../../../src/redis/connection/address.ts'

describe('the URL of Redis', () => {
  test('can name a single server', () => {
    expect(parseRedisUrl('redis://cache.example.com:6380/2')).toEqual({
      mode: 'standalone',
      endpoint: { host: 'cache.example.com', port: 6380 },
      db: 2,
      tls: false,
    })
  })

  test('can leave out port and database, and end with a slash', () => {
    for (const url of ['redis://localhost', 'redis://localhost/', 'redis://localhost:6379/0']) {
      const endpoint = { host: 'localhost', port: 6379 }
      expect(parseRedisUrl(url)).toEqual({ mode: 'standalone', endpoint, db: 0, tls: false })
    }
  })

  test('turns TLS on with rediss', () => {
    expect(parseRedisUrl('rediss://localhost').tls).toBe(true)
    expect(parseRedisUrl('rediss+cluster://localhost').tls).toBe(true)
    expect(parseRedisUrl('rediss+sentinel://localhost/main').tls).toBe(true)
  })

  test('can have a user and a password, percent-encoded where necessary', () => {
    const { username, password } = parseRedisUrl('redis://wor%40ker:p%3A%2Fss@localhost')
    expect({ username, password }).toEqual({ username: 'wor@ker', password: 'p:/ss' })
  })

  test('can have a password alone', () => {
    const address = parseRedisUrl('redis://:secret@localhost')
    expect(address.password).toBe('secret')
    expect(address).not.toHaveProperty('username')
  })

  test('can have an IPv6 address in brackets', () => {
    expect(parseRedisUrl('redis://[::1]:7000')).toMatchObject({
      endpoint: { host: '::1', port: 7000 },
    })
  })

  test('can name Sentinels, their master and a database', () => {
    expect(parseRedisUrl('redis+sentinel://u:p@s1:26380,s2,s3:26379/main/3')).toEqual({
      mode: 'sentinel',
      endpoints: [
        { host: 's1', port: 26380 },
        { host: 's2', port: 26379 },
        { host: 's3', port: 26379 },
      ],
      master: 'main',
      db: 3,
      tls: false,
      username: 'u',
      password: 'p',
    })
  })

  test('can name some nodes of a Cluster', () => {
    expect(parseRedisUrl('redis+cluster://n1:7000,n2:7001')).toEqual({
      mode: 'cluster',
      endpoints: [
        { host: 'n1', port: 7000 },
        { host: 'n2', port: 7001 },
      ],
      tls: false,
    })
  })

  test.each([
    '',
    'localhost:6379',
    'http://localhost',
    'redis://',
    'redis://localhost:0',
    'redis://localhost:70000',
    'redis://localhost/x',
    'redis://localhost/1/2',
    'redis://a,b',
    'redis://localhost?db=1',
    'redis://secret@localhost',
    'redis://u:%zz@localhost',
    'redis+sentinel://s1,s2',
    'redis+sentinel://s1/main/1/2',
    'redis+cluster://n1/1',
    'redis+cluster://n1,,n2',
    'redis+tls://n1',
  ])('is rejected if it has none of the accepted forms: %j', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(/Redis/)
  })

  test('never shows its password, neither in errors nor in descriptions', () => {
    expect(() => parseRedisUrl('redis://user:hunter2@host/x')).not.toThrow(/hunter2/)
    for (const url of [
      'redis://user:hunter2@host',
      'redis+cluster://user:hunter2@host',
      'redis+sentinel://user:hunter2@host/main',
    ]) {
      expect(describeAddress(parseRedisUrl(url))).toContain('host')
      expect(describeAddress(parseRedisUrl(url))).not.toMatch(/user|hunter2/)
    }
  })
})
