import cn.jpush.api.push.model.Message;
import cn.jpush.api.push.model.Options;
import cn.jpush.api.push.model.Platform;
import cn.jpush.api.push.model.PushPayload;
import cn.jpush.api.push.model.audience.Audience;
import cn.jpush.api.push.model.audience.AudienceTarget;
import cn.jpush.api.push.model.notification.AndroidNotification;
import cn.jpush.api.push.model.notification.IosNotification;
import cn.jpush.api.push.model.notification.Notification;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Builds the client's payloads with its own builders. */
final class Pushes {
  static PushPayload build(JsonObject a) {
    PushPayload.Builder push = PushPayload.newBuilder().setPlatform(platform(a.get("platform")));
    if (a.has("audience")) push.setAudience(audience(a.get("audience")));
    if (a.has("target")) push.setTarget(a.get("target").getAsString());
    Notification.Builder n = Notification.newBuilder();
    if (a.has("alert")) n.setAlert(a.get("alert").getAsString());
    if (a.has("ios")) n.addPlatformNotification(ios(a.getAsJsonObject("ios")));
    if (a.has("android")) {
      JsonObject b = a.getAsJsonObject("android");
      n.addPlatformNotification(AndroidNotification.newBuilder().setAlert(b.get("alert").getAsString())
          .setTitle(b.get("title").getAsString()).setBuilderId(b.get("builder_id").getAsInt()).build());
    }
    if (a.has("alert") || a.has("ios") || a.has("android")) push.setNotification(n.build());
    if (a.has("message")) {
      JsonObject m = a.getAsJsonObject("message");
      Message.Builder message = Message.newBuilder().setMsgContent(m.get("msg_content").getAsString()).setTitle(m.get("title").getAsString()).setContentType(m.get("content_type").getAsString());
      for (Map.Entry<String, JsonElement> extra : m.getAsJsonObject("extras").entrySet()) message.addExtra(extra.getKey(), extra.getValue().getAsString());
      push.setMessage(message.build());
    }
    if (a.has("options")) push.setOptions(options(a.getAsJsonObject("options")));
    if (a.has("cid")) push.setCid(a.get("cid").getAsString());
    return push.build();
  }

  static Platform platform(JsonElement e) {
    if (!e.isJsonArray()) return Platform.all();
    List<String> names = strings(e);
    if (names.size() == 1) return Platform.ios();
    return Platform.android_ios();
  }

  static Audience audience(JsonElement e) {
    if (!e.isJsonObject()) return Audience.all();
    if (e.getAsJsonObject().has("file")) return Audience.file(e.getAsJsonObject().get("file").getAsString());
    Audience.Builder audience = Audience.newBuilder();
    for (Map.Entry<String, JsonElement> kind : e.getAsJsonObject().entrySet()) {
      List<String> values = strings(kind.getValue());
      switch (kind.getKey()) {
        case "tag" -> audience.addAudienceTarget(AudienceTarget.tag(values));
        case "tag_and" -> audience.addAudienceTarget(AudienceTarget.tag_and(values));
        case "tag_not" -> audience.addAudienceTarget(AudienceTarget.tag_not(values));
        case "alias" -> audience.addAudienceTarget(AudienceTarget.alias(values));
        case "registration_id" -> audience.addAudienceTarget(AudienceTarget.registrationId(values));
        default -> throw new UnsupportedOperationException("the driver knows no " + kind.getKey());
      }
    }
    return audience.build();
  }

  static IosNotification ios(JsonObject a) {
    IosNotification.Builder b = IosNotification.newBuilder();
    if (a.has("alert")) b.setAlert(a.get("alert").isJsonObject() ? a.get("alert") : a.get("alert").getAsString());
    if (!a.has("sound")) b.disableSound();
    else b.setSound(a.get("sound").isJsonObject() ? a.get("sound") : a.get("sound").getAsString());
    if (!a.has("badge")) b.disableBadge();
    else if (a.getAsJsonPrimitive("badge").isString()) b.incrBadge(Integer.parseInt(a.get("badge").getAsString()));
    else b.setBadge(a.get("badge").getAsInt());
    if (a.has("content-available")) b.setContentAvailable(true);
    if (a.has("mutable-content")) b.setMutableContent(true);
    if (a.has("category")) b.setCategory(a.get("category").getAsString());
    if (a.has("thread-id")) b.setThreadId(a.get("thread-id").getAsString());
    if (a.has("interruption-level")) b.setInterruptionLevel(a.get("interruption-level").getAsString());
    if (a.has("extras")) {
      for (Map.Entry<String, JsonElement> extra : a.getAsJsonObject("extras").entrySet()) {
        if (extra.getValue().isJsonObject()) {
          b.addExtra(extra.getKey(), extra.getValue().getAsJsonObject());
          continue;
        }
        JsonPrimitive p = extra.getValue().getAsJsonPrimitive();
        if (p.isBoolean()) b.addExtra(extra.getKey(), p.getAsBoolean());
        else if (p.isNumber()) b.addExtra(extra.getKey(), p.getAsNumber());
        else b.addExtra(extra.getKey(), p.getAsString());
      }
    }
    return b.build();
  }

  static Options options(JsonObject a) {
    Options.Builder o = Options.newBuilder();
    if (a.has("sendno")) o.setSendno(a.get("sendno").getAsInt());
    if (a.has("apns_production")) o.setApnsProduction(a.get("apns_production").getAsBoolean());
    if (a.has("time_to_live")) o.setTimeToLive(a.get("time_to_live").getAsLong());
    if (a.has("apns_collapse_id")) o.setApnsCollapseId(a.get("apns_collapse_id").getAsString());
    return o.build();
  }

  static List<String> strings(JsonElement e) {
    List<String> list = new ArrayList<>();
    if (e instanceof JsonArray a) a.forEach(v -> list.add(v.getAsString()));
    return list;
  }
}
