/** What a machine has of what the local stack needs where there is no Docker. */
export interface Found {
  /** Major version; undefined where there is none. */
  readonly java: number | undefined
  readonly maven: boolean
}

/** Says what is missing, what to install on this platform, and what works without. */
export function whatToInstall(found: Found, platform: NodeJS.Platform): string {
  const missing = [
    found.java === undefined && 'Java is missing',
    found.java !== undefined && found.java < 17 && `Java ${found.java} is too old (17 is needed)`,
    !found.maven && 'Maven (mvn) is missing',
  ].filter((line) => line !== false)
  return `No local Kafka and Redis can be brought up here: no Docker engine answers, and without one ${missing.join(' and ')}.

Install one of these, then try again:
${installers(platform)}
Or use a Kafka and a Redis of your own:
  KAFKA_BROKERS=HOST:9092 REDIS_URL=redis://HOST:6379 npm start`
}

function installers(platform: NodeJS.Platform): string {
  return platform === 'darwin'
    ? `  Java 17 or later and Maven (54 MB of Kafka and 5 MB of Redis then come by themselves):
    brew install openjdk maven && export JAVA_HOME="$(brew --prefix openjdk)"
  or Docker Desktop, and start it:
    brew install --cask docker
`
    : `  Java 17 or later and Maven (54 MB of Kafka and 5 MB of Redis then come by themselves):
    sudo apt-get install openjdk-17-jre-headless maven      (Debian 12, Ubuntu 22.04 to 24.04)
    sudo apt-get install openjdk-21-jre-headless maven      (Debian 13, Ubuntu 24.04 and later)
  or Docker Engine, where you may use it without sudo:
    https://docs.docker.com/engine/install/
`
}
