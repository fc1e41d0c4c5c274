import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Producer BROKERS TOPIC COUNT CODEC...: for each codec, COUNT records in few large batches. */
public class Producer {
  public static void main(String[] args) throws Exception {
    int count = Integer.parseInt(args[2]);
    for (String codec : List.of(args).subList(3, args.length)) {
      Properties config = new Properties();
      config.putAll(
          Map.of(
              "bootstrap.servers", args[0],
              "compression.type", codec,
              "batch.size", "500000",
              "linger.ms", "200",
              "acks", "all",
              "key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer",
              "value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"));
      try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config)) {
        for (int i = 0; i < count; i++) {
          byte[] value = (codec + " " + i + " " + "x".repeat(i % 300)).getBytes(StandardCharsets.UTF_8);
          byte[] key = i % 3 == 0 ? null : ("key " + i).getBytes(StandardCharsets.UTF_8);
          ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(args[1], key, value);
          record.headers().add("n", "1".getBytes(StandardCharsets.UTF_8));
          record.headers().add("n", null);
          record.headers().add("n", "3".getBytes(StandardCharsets.UTF_8));
          producer.send(record);
        }
      }
    }
  }
}
