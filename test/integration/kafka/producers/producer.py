"""producer.py BROKERS TOPIC COUNT CODEC...: for each codec, COUNT records in few large batches."""
import sys

from confluent_kafka import Producer

brokers, topic, count, *codecs = sys.argv[1:]
for codec in codecs:
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "compression.type": codec,
            "batch.size": 500000,
            "linger.ms": 200,
            "acks": "all",
        }
    )
    for i in range(int(count)):
        value = f"{codec} {i} " + "x" * (i % 300)
        key = None if i % 3 == 0 else f"key {i}"
        headers = [("n", b"1"), ("n", None), ("n", b"3")]
        producer.produce(topic, value=value, key=key, headers=headers)
        producer.poll(0)
    if producer.flush(30) > 0:
        sys.exit("not all records were delivered")
