import { oldestJava } from './java.ts'

/** The tools on this machine that the local stack needs if there is no Docker. */
export interface InstalledTools {
  /** Major version; undefined if it is not installed. */
  readonly java: number | undefined
  readonly maven: boolean
}

/** Returns a text that says what is missing, how to install it, and what works without it. */
export function whatToInstall(found: InstalledTools, platform: NodeJS.Platform): string {
  const missing = [
    found.java === undefined && 'Java is missing',
    found.java !== undefined &&
      found.java < oldestJava &&
      `Java ${found.java} is too old (${oldestJava} is needed)`,
    !found.maven && 'Maven (mvn) is missing',
  ].filter((line) => line !== false)
  return `Cannot start Kafka and Redis on this machine: no Docker engine answers, and without Docker ${missing.join(' and ')}.

Install one of these, then try again:
${installers(platform)}
Or use your own Kafka and Redis:
  KAFKA_BROKERS=HOST:9092 REDIS_URL=redis://HOST:6379 npm start`
}

const downloads = 'the next start then downloads 54 MB of Kafka and 5 MB of Redis'

function installers(platform: NodeJS.Platform): string {
  return platform === 'darwin'
    ? `  Java 17 or later and Maven (${downloads}):
    brew install openjdk maven && export JAVA_HOME="$(brew --prefix openjdk)"
  or Docker Desktop, and start it:
    brew install --cask docker
`
    : `  Java 17 or later and Maven (${downloads}):
    sudo apt-get install openjdk-17-jre-headless maven      (Debian 12, Ubuntu 22.04 to 24.04)
    sudo apt-get install openjdk-21-jre-headless maven      (Debian 13, Ubuntu 24.04 and later)
  or Docker Engine, usable without sudo:
    https://docs.docker.com/engine/install/
`
}
