import { expect, test } from 'vitest'
import { whatToInstall } from '../../../../src/local/servers/requirements.ts'

test('the text says what is missing, and each way to install it', () => {
  const text = whatToInstall({ java: undefined, maven: false }, 'linux')
  expect(text).toContain('Java is missing and Maven (mvn) is missing')
  expect(text).toContain('apt-get install openjdk-17-jre-headless maven')
  expect(text).toContain('https://docs.docker.com/engine/install/')
  expect(text).toContain('KAFKA_BROKERS=HOST:9092 REDIS_URL=redis://HOST:6379')
})

test('the text for a Mac has the commands for a Mac', () => {
  const text = whatToInstall({ java: undefined, maven: false }, 'darwin')
  expect(text).toContain('brew install openjdk maven')
  expect(text).not.toContain('apt-get')
})

test('the text lists only what is missing', () => {
  expect(whatToInstall({ java: 11, maven: true }, 'linux')).toContain(
    'without Docker Java 11 is too old (17 is needed).',
  )
  expect(whatToInstall({ java: 21, maven: false }, 'linux')).toContain(
    'without Docker Maven (mvn) is missing.',
  )
})
