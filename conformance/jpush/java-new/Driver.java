import cn.jiguang.sdk.api.DeviceApi;
import cn.jiguang.sdk.api.GroupPushApi;
import cn.jiguang.sdk.api.PushApi;
import cn.jiguang.sdk.api.ReportApi;
import cn.jiguang.sdk.bean.device.AliasDeleteParam;
import cn.jiguang.sdk.bean.device.DeviceClearParam;
import cn.jiguang.sdk.bean.device.DeviceSetParam;
import cn.jiguang.sdk.bean.device.TagSetParam;
import cn.jiguang.sdk.bean.file.FileUploadParam;
import cn.jiguang.sdk.bean.image.ImageUrlAddParam;
import cn.jiguang.sdk.bean.push.GroupPushSendParam;
import cn.jiguang.sdk.bean.push.GroupPushSendResult;
import cn.jiguang.sdk.bean.push.PushSendParam;
import cn.jiguang.sdk.bean.push.SchedulePushSendParam;
import cn.jiguang.sdk.bean.push.TemplatePushSendParam;
import cn.jiguang.sdk.bean.push.batch.BatchPushSendParam;
import cn.jiguang.sdk.bean.report.MessageStatusGetParam;
import cn.jiguang.sdk.enums.platform.Platform;
import cn.jiguang.sdk.exception.ApiErrorException;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import feign.Logger;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Drives JPush's new Java client: a call a line in, its result a line out. Its models are filled from JSON, and its own code writes them. */
public class Driver {
  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new JavaTimeModule())
      .setSerializationInclusion(JsonInclude.Include.NON_NULL).disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
      .disable(SerializationFeature.FAIL_ON_EMPTY_BEANS);
  private static final String KEY = System.getenv("APP_KEY"), SECRET = System.getenv("MASTER_SECRET");
  private static PushApi push;
  private static DeviceApi device;
  private static ReportApi report;
  private static GroupPushApi group;

  public static void main(String[] args) throws Exception {
    PushApi.Builder p = new PushApi.Builder().setAppKey(KEY).setMasterSecret(SECRET).setLoggerLevel(Logger.Level.NONE);
    DeviceApi.Builder d = new DeviceApi.Builder().setAppKey(KEY).setMasterSecret(SECRET).setLoggerLevel(Logger.Level.NONE);
    ReportApi.Builder r = new ReportApi.Builder().setAppKey(KEY).setMasterSecret(SECRET).setLoggerLevel(Logger.Level.NONE);
    GroupPushApi.Builder g = new GroupPushApi.Builder().setGroupKey(System.getenv("GROUP_KEY")).setGroupMasterSecret(System.getenv("GROUP_SECRET")).setLoggerLevel(Logger.Level.NONE);
    if (System.getenv("UNMODIFIED") == null) { // else JPush's names lead to Aurora
      String url = System.getenv("AURORA_URL");
      p.setHost(url);
      d.setHost(url);
      r.setHost(url);
      g.setHost(url);
    }
    push = p.build();
    device = d.build();
    report = r.build();
    group = g.build();
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = in.readLine()) != null; ) out.println("reply " + JSON.writeValueAsString(answer(JSON.readTree(line))));
  }

  private static ObjectNode answer(JsonNode request) {
    ObjectNode reply = JSON.createObjectNode();
    try {
      JsonNode a = request.get("arguments");
      Object value = call(request.get("call").asText(), a.isObject() ? a : JSON.createObjectNode());
      reply.set("value", value == null ? JSON.createObjectNode() : JSON.valueToTree(value));
    } catch (UnsupportedOperationException e) {
      reply.put("unsupported", String.valueOf(e.getMessage()));
    } catch (ApiErrorException e) {
      ObjectNode refusal = refusal(reply, e);
      refusal.put("status", e.getStats());
      if (e.getApiError().getError() != null) refusal.put("code", e.getApiError().getError().getCode());
    } catch (Throwable e) {
      if (e instanceof IllegalArgumentException && e.getCause() instanceof com.fasterxml.jackson.databind.JsonMappingException) {
        reply.put("unsupported", "the client's model cannot hold it: " + String.valueOf(e.getCause().getMessage()).split("\n")[0]);
      } else {
        refusal(reply, e);
      }
    }
    return reply;
  }

  private static ObjectNode refusal(ObjectNode reply, Throwable e) {
    ObjectNode refusal = reply.putObject("refusal");
    refusal.put("type", e.getClass().getSimpleName());
    refusal.put("message", String.valueOf(e.getMessage()));
    return refusal;
  }

  private static Object call(String name, JsonNode a) throws Exception {
    String id = text(a, "id"), alias = text(a, "alias"), tag = text(a, "tag");
    switch (name) {
      case "push": return push.send(build(a, PushSendParam.class));
      case "push_raw": return push.send((Object) a);
      case "validate": return push.validateSend(build(a, PushSendParam.class));
      case "cid": return Map.of("cidlist", JSON.valueToTree("schedule".equals(text(a, "type"))
          ? push.getCidForSchedulePush(a.get("count").asInt()) : push.getCidForPush(a.get("count").asInt())).get("cidlist"));
      case "batch_registration_id": case "batch_alias": return batch(name, a);
      case "withdraw": push.withdrawMessage(text(a, "msg_id")); return null;
      case "quota": return push.getQuota();
      case "template": return push.templateSend(JSON.readValue("{\"id\":\"" + id + "\",\"params\":[{\"keys\":{},\"audience\":{\"alias\":[\"" + alias + "\"]}}]}", TemplatePushSendParam.class));
      case "live_activity": {
        ObjectNode ios = JSON.createObjectNode().put("event", text(a, "event"));
        ios.putObject("content-state").put("score", text(a, "score"));
        ObjectNode o = JSON.createObjectNode();
        if (a.has("type")) {
          ios.put("attributes-type", text(a, "type")).putObject("attributes").put("home", "A");
          ios.putObject("alert").put("title", "Kick-off").put("body", "A – B");
          o.putObject("audience").putArray("registration_id").add(text(a, "registration_id"));
        } else {
          o.putObject("audience").put("live_activity_id", id);
        }
        o.putArray("platform").add("ios");
        o.putObject("live_activity").set("ios", ios);
        o.putObject("options").put("apns_production", false);
        return push.send(JSON.treeToValue(o, PushSendParam.class));
      }
      case "file_push": return push.sendByFile(build(a, PushSendParam.class));
      case "file_list": return push.getFiles();
      case "file_delete": push.deleteFile(id); return null;
      case "file_upload": {
        Path file = Files.createTempFile("lines", ".txt");
        try {
          Files.writeString(file, text(a, "text"));
          FileUploadParam param = new FileUploadParam();
          param.setFile(file.toFile());
          return text(a, "kind").equals("alias") ? push.uploadFileForAlias(param) : push.uploadFileForRegistrationId(param);
        } finally {
          Files.delete(file);
        }
      }
      case "image": return push.addImageUrl(JSON.readValue("{\"image_type\":2,\"image_url\":\"http://example.com/i.png\"}", ImageUrlAddParam.class));
      case "group_push": {
        GroupPushSendResult r = group.send(build(a, GroupPushSendParam.class));
        ObjectNode all = JSON.valueToTree(r.getSuccesses());
        all.put("group_msgid", r.getGroupMessageId());
        return all;
      }
      case "device": return device.getDevice(id);
      case "device_set": {
        if (a.has("clear_tags") || "".equals(alias)) {
          ObjectNode c = JSON.createObjectNode();
          if (a.has("clear_tags")) c.put("tags", "");
          if (alias != null) c.put("alias", alias);
          device.clearDevice(id, JSON.treeToValue(c, DeviceClearParam.class));
          if (!a.has("add") && !a.has("remove")) return null;
        }
        ObjectNode o = JSON.createObjectNode();
        if (alias != null && !alias.isEmpty()) o.put("alias", alias);
        if (a.has("add") || a.has("remove")) o.set("tags", lists(a));
        device.setDevice(id, JSON.treeToValue(o, DeviceSetParam.class));
        return null;
      }
      case "mobile": device.setDevice(id, JSON.treeToValue(JSON.createObjectNode().put("mobile", text(a, "mobile")), DeviceSetParam.class)); return null;
      case "device_status": return device.getDeviceStatus(strings(a.get("ids"))).getResults();
      case "tags": return device.getTags();
      case "tag_has": return device.getTag(tag, id);
      case "tag_change": device.setTag(tag, JSON.treeToValue(JSON.createObjectNode().set("registration_ids", lists(a)), TagSetParam.class)); return null;
      case "tag_delete": device.deleteTag(tag, platform(a)); return null;
      case "alias": {
        JsonNode got = JSON.valueToTree(device.getAlias(alias, platform(a)));
        ArrayNode ids = JSON.createArrayNode();
        if (got.has("data")) got.get("data").forEach(one -> ids.add(one.get("registration_id")));
        return JSON.createObjectNode().set("registration_ids", ids);
      }
      case "alias_delete": device.deleteAlias(alias, platform(a)); return null;
      case "alias_remove": {
        ObjectNode o = JSON.createObjectNode();
        o.putObject("registration_ids").set("remove", a.get("ids"));
        device.deleteAliases(alias, JSON.treeToValue(o, AliasDeleteParam.class));
        return null;
      }
      case "received_detail": return report.getReceivedDetail(List.of(text(a, "ids").split(",")));
      case "messages_detail": return detail(JSON.valueToTree(report.getMessageDetail(List.of(text(a, "ids").split(",")))));
      case "message_status": {
        ObjectNode o = JSON.createObjectNode().put("msg_id", text(a, "msg_id"));
        o.set("registration_ids", a.get("ids"));
        return report.getMessageStatus(JSON.treeToValue(o, MessageStatusGetParam.class));
      }
      case "users": {
        if (text(a, "start").length() != 10) throw new UnsupportedOperationException("getUserDetail() takes a day");
        return report.getUserDetail(LocalDate.parse(text(a, "start")), a.get("duration").asInt());
      }
      case "schedule_create": {
        ObjectNode o = JSON.createObjectNode().put("name", text(a, "name")).put("enabled", true);
        o.putObject("trigger").putObject("single").put("time", text(a, "time"));
        o.set("push", payload(a.get("push")));
        return push.scheduleSend(JSON.treeToValue(o, SchedulePushSendParam.class));
      }
      default: throw new UnsupportedOperationException("the client has no such call");
    }
  }

  /** JPush's form of a push. */
  private static ObjectNode payload(JsonNode a) {
    ObjectNode o = JSON.createObjectNode(), n = JSON.createObjectNode();
    for (String key : List.of("cid", "platform", "message", "options", "target")) if (a.has(key)) o.set(key, a.get(key));
    if (a.has("audience")) {
      JsonNode audience = a.get("audience");
      if (audience.has("file")) {
        ObjectNode file = JSON.createObjectNode();
        file.putObject("file").set("file_id", audience.get("file"));
        audience = file;
      }
      o.set("audience", audience);
    }
    for (String key : List.of("alert", "ios", "android")) if (a.has(key)) n.set(key, a.get(key));
    if (n.size() > 0) o.set("notification", n);
    return o;
  }

  private static <T> T build(JsonNode a, Class<T> as) throws Exception {
    try {
      return JSON.copy().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).treeToValue(payload(a), as);
    } catch (com.fasterxml.jackson.databind.JsonMappingException e) {
      throw new UnsupportedOperationException("the client's model cannot hold it: " + e.getOriginalMessage());
    }
  }

  private static Object batch(String name, JsonNode a) throws Exception {
    List<JsonNode> pushes = new ArrayList<>();
    a.get("pushes").forEach(pushes::add);
    JsonNode cids = JSON.valueToTree(push.getCidForPush(pushes.size())).get("cidlist");
    ObjectNode o = JSON.createObjectNode(), list = o.putObject("pushlist");
    for (int i = 0; i < pushes.size(); i++) list.set(cids.get(i).asText(), payload(pushes.get(i)));
    BatchPushSendParam param = JSON.treeToValue(o, BatchPushSendParam.class);
    JsonNode got = JSON.valueToTree((name.equals("batch_alias") ? push.batchSendByAlias(param) : push.batchSendByRegistrationId(param)).getSendResult());
    ArrayNode items = JSON.createArrayNode();
    for (Iterator<JsonNode> it = got.elements(); it.hasNext(); ) items.add(it.next());
    return items;
  }

  /** The client's model knows the numbers of iOS below details alone; they are put where the others have them. */
  private static JsonNode detail(JsonNode items) {
    for (JsonNode item : items) {
      JsonNode sent = item.at("/details/notification/sub_ios/apns/sent");
      if (!sent.isMissingNode()) ((ObjectNode) item).putObject("ios").set("apns_sent", sent);
    }
    return items;
  }

  private static ObjectNode lists(JsonNode a) {
    ObjectNode o = JSON.createObjectNode();
    if (a.has("add")) o.set("add", a.get("add"));
    if (a.has("remove")) o.set("remove", a.get("remove"));
    return o;
  }

  private static Platform platform(JsonNode a) {
    return a.has("platform") && !a.get("platform").isNull() ? Platform.valueOf(text(a, "platform")) : null;
  }

  private static List<String> strings(JsonNode list) {
    List<String> all = new ArrayList<>();
    list.forEach(s -> all.add(s.asText()));
    return all;
  }

  private static String text(JsonNode a, String name) {
    return a.has(name) && a.get(name).isValueNode() && !a.get(name).isNull() ? a.get(name).asText() : null;
  }
}
