/** The rights (ACLs) that the program needs, as the commands that grant them. */
import type { KafkaSettings } from './settings.ts'

export function rightsToRead(settings: KafkaSettings): string {
  const { topic, groupId } = settings
  return (
    'Grant READ and DESCRIBE on the topic and READ on the group: ' +
    `${command(settings)} --operation Read --operation Describe --topic ${topic} --group ${groupId}`
  )
}

export function rightsToWrite(settings: KafkaSettings, topic: string): string {
  return (
    'Grant WRITE and DESCRIBE on the topic: ' +
    `${command(settings)} --operation Write --operation Describe --topic ${topic}`
  )
}

function command({ brokers, sasl }: KafkaSettings): string {
  const principal = sasl === null ? 'User:NAME' : `User:${sasl.username}`
  return `kafka-acls.sh --bootstrap-server ${brokers[0]} --add --allow-principal '${principal}'`
}
