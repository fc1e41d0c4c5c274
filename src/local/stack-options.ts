import type { ProgramOptions } from './servers/programs.ts'

/** What runs Kafka and Redis. */
export type Engine = 'docker' | 'java'

export interface LocalStackOptions extends ProgramOptions {
  /** Where data, logs and the lock are kept. A later start in the same folder reuses the data. */
  readonly folder: string
  /** Default: Docker if an engine answers, else Java. */
  readonly engine?: Engine
  /** Preferred ports on 127.0.0.1; another one is used if it is taken. Default: any free port. */
  readonly ports?: { readonly kafka: number; readonly redis: number }
}
