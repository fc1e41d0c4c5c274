/**
 * Combines the file, the environment and the flags into the effective configuration, with the
 * origin of every value. All errors are collected and thrown together, as one InvalidConfig.
 */
import type { TlsSettings } from '../../kafka/client/settings.ts'
import type { LocalEndpoints } from '../../local/endpoints.ts'
import type { Config, Settings } from './config.ts'
import { fields } from './fields.ts'
import { type ConfigProblem, InvalidConfig, type Origin } from './problem.ts'
import {
  fromEnvironment,
  fromFlags,
  fromLocalStack,
  fromYaml,
  type Given,
  NOTHING_GIVEN,
  type Source,
} from './sources.ts'
import { validate } from './validation.ts'

export interface ConfigRequest {
  /** From --config. If undefined, GROUP_TRAITS_CONFIG may name one. Otherwise there is no file. */
  readonly file: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Texts from the command line, by the name of the setting. */
  readonly flags: ReadonlyMap<string, string>
  /** Whether it is an error to have no brokers. */
  readonly needsKafka: boolean
  /** The endpoints of the local stack; undefined if it is not running. */
  readonly localEndpoints: LocalEndpoints | undefined
  /** @throws if there is no such file */
  readFile(path: string): string
}

export interface LoadedConfig {
  readonly config: Config
  /** The value of every field and where it came from, in the order of the schema. */
  readonly settings: ReadonlyMap<string, Given>
}

/** The environment variable that names the file. */
export const FILE_VARIABLE = 'GROUP_TRAITS_CONFIG'

/** @throws InvalidConfig */
export function loadConfig(request: ConfigRequest): LoadedConfig {
  const named = [
    readConfigFile(request),
    fromEnvironment(request.environment),
    fromFlags(request.flags),
  ]
  const sources = [localStack(request, named), ...named]
  const given = new Map(sources.flatMap((source) => [...source.given]))
  const problems = sources.flatMap((source) => source.problems)

  const validated = validate(given)
  problems.push(...validated.problems)
  if (request.needsKafka && !isGiven('kafka.brokers', given)) problems.push(NO_BROKERS)
  const settings = withDerived(validated.settings)
  const config = resolve(settings, pemReader(request, given, problems))
  if (problems.length > 0) throw new InvalidConfig(problems)
  return { config, settings: withOrigins(settings, given) }
}

function readConfigFile({ file, environment, readFile }: ConfigRequest): Source {
  const path = file ?? environment[FILE_VARIABLE] ?? ''
  if (path === '') return NOTHING_GIVEN
  try {
    return fromYaml(path, readFile(path))
  } catch (error) {
    const origin: Origin =
      file === undefined
        ? { source: 'environment', variable: FILE_VARIABLE }
        : { source: 'flag', flag: '--config' }
    const message = `cannot read ${path}: ${(error as Error).message}`
    return { ...NOTHING_GIVEN, problems: [{ origin, message }] }
  }
}

/** Returns the endpoints of the local stack, unless Kafka or Redis is set in another source. */
function localStack({ localEndpoints }: ConfigRequest, named: readonly Source[]): Source {
  const isNamed = named.some(({ given }) => given.has('kafka.brokers') || given.has('redis.url'))
  return localEndpoints === undefined || isNamed ? NOTHING_GIVEN : fromLocalStack(localEndpoints)
}

function isGiven(name: string, given: ReadonlyMap<string, Given>): boolean {
  const value = given.get(name)?.value
  return value !== undefined && !(Array.isArray(value) && value.length === 0)
}

const NO_BROKERS: ConfigProblem = {
  setting: 'kafka.brokers',
  message:
    'is not set: set it, for example KAFKA_BROKERS=127.0.0.1:9092, ' +
    'or run npm start, which starts a local Kafka and Redis',
}

function withDerived(settings: Settings): Settings & { kafka: { deadLetterTopic: string } } {
  const { kafka } = settings
  const deadLetterTopic = kafka.deadLetterTopic ?? `${kafka.topic}.dead-letters`
  return { ...settings, kafka: { ...kafka, deadLetterTopic } }
}

type ReadPem = (name: string, path: string | undefined) => string | undefined

function pemReader(
  { readFile }: ConfigRequest,
  given: ReadonlyMap<string, Given>,
  problems: ConfigProblem[],
): ReadPem {
  return (name, path) => {
    if (path === undefined) return undefined
    const report = (message: string) => {
      problems.push({ setting: name, origin: given.get(name)?.origin, message })
    }
    try {
      const pem = readFile(path)
      if (!pem.includes('-----BEGIN ')) report(`${path} is not a PEM file`)
      return pem
    } catch (error) {
      report(`cannot read ${path}: ${(error as Error).message}`)
      return undefined
    }
  }
}

function resolve(settings: ReturnType<typeof withDerived>, readPem: ReadPem): Config {
  const { tls, sasl, ...kafka } = settings.kafka
  const { mechanism, username = '', password = '' } = sasl
  return {
    ...settings,
    kafka: {
      ...kafka,
      tls: tls.enabled && resolveTls(tls, readPem),
      sasl: mechanism === undefined ? null : { mechanism, username, password },
    },
  }
}

function resolveTls(tls: Settings['kafka']['tls'], readPem: ReadPem): TlsSettings {
  const ca = readPem('kafka.tls.caFile', tls.caFile)
  const cert = readPem('kafka.tls.certFile', tls.certFile)
  const key = readPem('kafka.tls.keyFile', tls.keyFile)
  return {
    rejectUnauthorized: tls.rejectUnauthorized,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }
}

function withOrigins(
  settings: Settings,
  given: ReadonlyMap<string, Given>,
): ReadonlyMap<string, Given> {
  return new Map(
    fields.map(({ name }) => {
      const value = name
        .split('.')
        .reduce<unknown>((section, key) => (section as Record<string, unknown>)[key], settings)
      return [name, { value, origin: given.get(name)?.origin ?? { source: 'default' } }]
    }),
  )
}
