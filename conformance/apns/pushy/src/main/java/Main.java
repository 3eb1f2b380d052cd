import com.eatthepath.pushy.apns.ApnsClient;
import com.eatthepath.pushy.apns.ApnsClientBuilder;
import com.eatthepath.pushy.apns.DeliveryPriority;
import com.eatthepath.pushy.apns.PushNotificationResponse;
import com.eatthepath.pushy.apns.PushType;
import com.eatthepath.pushy.apns.auth.ApnsSigningKey;
import com.eatthepath.pushy.apns.util.SimpleApnsPushNotification;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** Drives pushy through a job file of the conformance run and prints a line for each result. */
public class Main {
    public static void main(String[] arguments) throws Exception {
        ApnsClientBuilder builder = new ApnsClientBuilder();
        List<SimpleApnsPushNotification> pushes = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(arguments[0]), StandardCharsets.UTF_8)) {
            String[] f = line.split("\t", -1);
            switch (f[0]) {
                case "gateway" -> builder.setApnsServer(f[1], Integer.parseInt(f[2])).setTrustedServerCertificateChain(new File(f[3]));
                case "p12" -> builder.setClientCredentials(new File(f[1]), f[2]);
                case "p8" -> builder.setSigningKey(ApnsSigningKey.loadFromPkcs8File(new File(f[1]), f[3], f[2]));
                case "push" -> pushes.add(push(f));
                default -> { }
            }
        }
        ApnsClient client = builder.build();
        // All at once, as its manual says: the client queues what the connection cannot take yet.
        List<Integer> all = IntStream.range(0, pushes.size()).boxed().toList();
        send(client, pushes, send(client, pushes, all));
        client.close().get(10, TimeUnit.SECONDS);
        System.exit(0);
    }

    /** Sends the pushes with these numbers and returns the numbers of those that got no answer. */
    private static List<Integer> send(ApnsClient client, List<SimpleApnsPushNotification> pushes, List<Integer> numbers) {
        List<Integer> unanswered = Collections.synchronizedList(new ArrayList<>());
        List<CompletableFuture<?>> answers = new ArrayList<>();
        for (int i : numbers) {
            answers.add(client.sendNotification(pushes.get(i)).handle((response, failure) -> {
                report(i, response, failure);
                return failure != null && unanswered.add(i);
            }));
        }
        CompletableFuture.allOf(answers.toArray(new CompletableFuture[0])).join();
        return unanswered;
    }

    private static SimpleApnsPushNotification push(String[] f) {
        Instant expiration = f[6].equals("0") ? null : Instant.ofEpochSecond(Long.parseLong(f[6]));
        DeliveryPriority priority = f[5].equals("5") ? DeliveryPriority.CONSERVE_POWER : DeliveryPriority.IMMEDIATE;
        return new SimpleApnsPushNotification(f[2], f[3], f[8], expiration, priority,
            PushType.valueOf(f[4].toUpperCase(Locale.ROOT)), f[7].isEmpty() ? null : f[7], UUID.fromString(f[1]));
    }

    private static synchronized void report(int i, PushNotificationResponse<?> r, Throwable failure) {
        if (failure != null) {
            StringBuilder words = new StringBuilder();
            for (Throwable t = failure; t != null; t = t.getCause()) {
                words.append(words.length() == 0 ? "" : ": ").append(t.getClass().getSimpleName()).append(' ').append(t.getMessage());
            }
            print(i, 0, "", 0, "", "", words.toString().replaceAll("\\s+", " "));
            return;
        }
        print(i, r.getStatusCode(), r.getRejectionReason().orElse(""), r.getTokenInvalidationTimestamp().map(Instant::toEpochMilli).orElse(0L),
            r.getApnsId() == null ? "" : r.getApnsId().toString(), r.getApnsUniqueId().map(UUID::toString).orElse(""), "");
    }

    private static void print(int i, int status, String reason, long timestamp, String id, String unique, String failure) {
        System.out.println(String.join("\t", "result", "" + i, "" + status, reason, "" + timestamp, id, unique, failure));
    }
}
