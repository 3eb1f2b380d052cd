import cn.jiguang.common.ClientConfig;
import cn.jiguang.common.TimeUnit;
import cn.jiguang.common.resp.APIRequestException;
import cn.jpush.api.JPushClient;
import cn.jpush.api.JPushConfig;
import cn.jpush.api.admin.AdminClient;
import cn.jpush.api.file.FileClient;
import cn.jpush.api.file.model.FileType;
import cn.jpush.api.file.model.FileUploadResult;
import cn.jpush.api.image.ImageClient;
import cn.jpush.api.image.model.ImageType;
import cn.jpush.api.image.model.ImageUrlPayload;
import cn.jpush.api.push.GroupPushClient;
import cn.jpush.api.push.GroupPushResult;
import cn.jpush.api.push.PushResult;
import cn.jpush.api.push.model.BatchPushResult;
import cn.jpush.api.push.model.PushPayload;
import cn.jpush.api.push.model.live_activity.LiveActivity;
import cn.jpush.api.push.model.live_activity.LiveActivityEvent;
import cn.jpush.api.push.model.notification.IosAlert;
import cn.jpush.api.report.model.CheckMessagePayload;
import cn.jpush.api.schedule.ScheduleResult;
import com.google.gson.ExclusionStrategy;
import com.google.gson.FieldAttributes;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonSyntaxException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Drives JPush's Java client: a call a line in, its result a line out. */
public final class Driver {
  /** Prints what a result says, without the HTTP answer that the client keeps in it. */
  private static final Gson GSON = new GsonBuilder().setExclusionStrategies(new ExclusionStrategy() {
    @Override public boolean shouldSkipField(FieldAttributes f) { return f.getName().equals("responseWrapper"); }
    @Override public boolean shouldSkipClass(Class<?> c) { return false; }
  }).create();
  private static final String KEY = System.getenv("APP_KEY"), SECRET = System.getenv("MASTER_SECRET");
  private static final ClientConfig CONFIG = ClientConfig.getInstance();
  private static JPushClient client;

  public static void main(String[] args) throws Exception {
    String url = System.getenv("AURORA_URL");
    if (System.getenv("UNMODIFIED") == null) { // else JPush's names lead to Aurora
      CONFIG.setPushHostName(url);
      CONFIG.setDeviceHostName(url);
      CONFIG.setReportHostName(url);
      CONFIG.setScheduleHostName(url);
      JPushConfig.getInstance().setAdminHostName(url);
    }
    CONFIG.setMaxRetryTimes(1);
    client = new JPushClient(SECRET, KEY, null, CONFIG);

    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = in.readLine()) != null; ) out.println("reply " + answer(new JsonParser().parse(line).getAsJsonObject()));
  }

  private static JsonObject answer(JsonObject request) {
    JsonObject reply = new JsonObject();
    try {
      JsonElement a = request.get("arguments");
      JsonElement value = call(request.get("call").getAsString(), a.isJsonObject() ? a.getAsJsonObject() : new JsonObject());
      reply.add("value", value == null || value.isJsonNull() ? new JsonObject() : value);
    } catch (UnsupportedOperationException e) {
      reply.addProperty("unsupported", String.valueOf(e.getMessage()));
    } catch (APIRequestException e) {
      JsonObject refusal = refusal(e);
      refusal.addProperty("status", e.getStatus());
      refusal.addProperty("code", e.getErrorCode());
      reply.add("refusal", refusal);
    } catch (IllegalArgumentException | ClassCastException e) { // the client refuses what it cannot build
      reply.addProperty("unsupported", e.getMessage());
    } catch (Throwable e) {
      reply.add("refusal", refusal(e));
    }
    return reply;
  }

  private static JsonObject refusal(Throwable e) {
    JsonObject refusal = new JsonObject();
    refusal.addProperty("type", e.getClass().getSimpleName());
    refusal.addProperty("message", e.getMessage());
    return refusal;
  }

  private static JsonElement call(String name, JsonObject a) throws Exception {
    String id = text(a, "id"), alias = text(a, "alias"), tag = text(a, "tag"), ids = text(a, "ids");
    return switch (name) {
      case "push" -> sent(client.sendPush(Pushes.build(a)));
      case "validate" -> sent(client.sendPushValidate(Pushes.build(a)));
      case "push_raw" -> sent(client.sendPush(GSON.toJson(a)));
      case "cid" -> GSON.toJsonTree(client.getCidList(a.get("count").getAsInt(), text(a, "type")));
      case "batch_registration_id" -> batch(client.batchSendPushByRegId(payloads(a)));
      case "batch_alias" -> batch(client.batchSendPushByAlias(payloads(a)));
      case "withdraw" -> done(client.deletePush(text(a, "msg_id")).isResultOK());
      case "notification_all" -> sent(client.sendNotificationAll(text(a, "alert")));
      case "ios_alias", "ios_registration_id" -> sent(shortcut(name.equals("ios_alias"), a, alias, id));
      case "android_alias" -> sent(client.sendAndroidNotificationWithAlias(text(a, "title"), text(a, "alert"), Map.of(), alias));
      case "android_registration_id" -> sent(client.sendAndroidNotificationWithRegistrationID(text(a, "title"), text(a, "alert"), Map.of(), id));
      case "device" -> GSON.toJsonTree(client.getDeviceTagAlias(id));
      case "device_set" -> a.has("clear_tags")
          ? clear(id, alias)
          : done(client.updateDeviceTagAlias(id, alias, set(a, "add"), set(a, "remove")).isResultOK());
      case "device_clear" -> done(client.updateDeviceTagAlias(id, true, true).isResultOK());
      case "mobile" -> done(client.bindMobile(id, text(a, "mobile")).isResultOK());
      case "device_status" -> GSON.toJsonTree(client.getUserOnlineStatus(Pushes.strings(a.get("ids")).toArray(new String[0])));
      case "tags" -> GSON.toJsonTree(client.getTagList());
      case "tag_has" -> GSON.toJsonTree(client.isDeviceInTag(tag, id));
      case "tag_change" -> done(client.addRemoveDevicesFromTag(tag, set(a, "add"), set(a, "remove")).isResultOK());
      case "tag_delete" -> done(client.deleteTag(tag, text(a, "platform")).isResultOK());
      case "alias" -> GSON.toJsonTree(client.getAliasDeviceList(alias, text(a, "platform")));
      case "alias_delete" -> done(client.deleteAlias(alias, text(a, "platform")).isResultOK());
      case "alias_remove" -> done(client.removeDevicesFromAlias(alias, set(a, "ids")).isResultOK());
      case "received" -> GSON.toJsonTree(client.getReportReceiveds(ids).received_list);
      case "received_detail" -> GSON.toJsonTree(client.getReceivedsDetail(ids).received_list);
      case "messages" -> GSON.toJsonTree(client.getReportMessages(ids).messages);
      case "messages_detail" -> GSON.toJsonTree(client.getMessagesDetail(ids).received_list);
      case "message_status" -> GSON.toJsonTree(client.getMessageStatus(CheckMessagePayload.newBuilder()
          .setMsgId(Long.parseLong(text(a, "msg_id"))).setRegistrationsIds(Pushes.strings(a.get("ids"))).build()));
      default -> further(name, a, id);
    };
  }

  private static JsonElement further(String name, JsonObject a, String id) throws Exception {
    switch (name) {
      case "message_all": return sent(client.sendMessageAll(text(a, "content")));
      case "live_activity":
        if (a.has("type")) throw new UnsupportedOperationException("the client's model has no attributes, which start an activity");
        return sent(client.sendLiveActivity(LiveActivity.newBuilder().apnsProduction(false).liveActivityId(id)
            .iOSEvent(LiveActivityEvent.valueOf(text(a, "event").toUpperCase())).iOSContentState("score", text(a, "score")).build()));
      case "file_push": return sent(client.sendFilePush(Pushes.build(a)));
      case "file_list":
        try {
          return GSON.toJsonTree(files().queryEffectFiles());
        } catch (JsonSyntaxException e) {
          throw new UnsupportedOperationException("the client breaks: it reads create_time as a Gson date, which JPush's own form is none of");
        }
      case "file_delete": return done(files().deleteFile(id).responseCode == 200);
      case "file_upload":
        Path file = Files.createTempFile("aliases", ".txt");
        try {
          Files.writeString(file, text(a, "text"));
          FileUploadResult r = files().uploadFile(text(a, "kind").equals("alias") ? FileType.ALIAS : FileType.REGISTRATION_ID, file.toString());
          if (r == null || r.getFile_id() == null) throw new IllegalStateException("the client returned no file id, and raised nothing");
          return GSON.toJsonTree(r);
        } finally {
          Files.delete(file);
        }
      case "image": return GSON.toJsonTree(new ImageClient(SECRET, KEY, null, CONFIG)
          .uploadImage(ImageUrlPayload.newBuilder().setImageType(ImageType.LARGE_ICON).setImageUrl("http://example.com/i.png").build()));
      case "group_push":
        GroupPushResult g = new GroupPushClient(env("GROUP_SECRET"), env("GROUP_KEY"), null, CONFIG).sendGroupPush(Pushes.build(a));
        JsonObject group = new JsonObject();
        g.getAppResultMap().forEach((app, result) -> group.add(app, sent(result)));
        group.addProperty("group_msgid", g.getGroupMsgId());
        return group;
      case "group_messages": return GSON.toJsonTree(group().getGroupMessagesDetail(text(a, "ids")).received_list);
      case "group_users": return GSON.toJsonTree(group().getGroupReportUsers(TimeUnit.valueOf(text(a, "unit")), text(a, "start"), a.get("duration").getAsInt()));
      case "users": return GSON.toJsonTree(client.getReportUsers(TimeUnit.valueOf(text(a, "unit")), text(a, "start"), a.get("duration").getAsInt()));
      case "schedule_create": return schedule(client.createSingleSchedule(text(a, "name"), text(a, "time"), Pushes.build(a.getAsJsonObject("push")), SECRET, KEY));
      case "schedule_list":
        JsonArray schedules = new JsonArray();
        client.getScheduleList(1).getSchedules().forEach(s -> schedules.add(schedule(s)));
        JsonObject page = new JsonObject();
        page.add("schedules", schedules);
        return page;
      case "schedule_get": return schedule(client.getSchedule(id));
      case "schedule_message_ids": return GSON.toJsonTree(client.getScheduleMsgIds(id));
      case "schedule_update": return schedule(client.updateScheduleName(id, text(a, "name")));
      case "schedule_delete":
        client.deleteSchedule(id);
        return new JsonObject();
      case "app_create": return GSON.toJsonTree(admin().createApp(text(a, "name"), text(a, "package"), null));
      case "app_delete": return GSON.toJsonTree(admin().deleteApp(text(a, "key")));
      case "app_certificate":
        admin().uploadCertificate(text(a, "key"), text(a, "file"), text(a, "password"), text(a, "file"), text(a, "password"));
        return new JsonObject();
      default: throw new UnsupportedOperationException("the client has no such call");
    }
  }

  private static String env(String name) {
    return System.getenv(name);
  }

  private static FileClient files() {
    return new FileClient(SECRET, KEY, null, CONFIG);
  }

  private static AdminClient admin() {
    return new AdminClient(env("DEV_KEY"), env("DEV_SECRET"));
  }

  /** The client of a group: the manual puts "group-" before the key. */
  private static JPushClient group() {
    return new JPushClient(env("GROUP_SECRET"), "group-" + env("GROUP_KEY"), null, CONFIG);
  }

  private static PushResult shortcut(boolean byAlias, JsonObject a, String alias, String id) throws Exception {
    Map<String, String> extras = Map.of("k", text(a.getAsJsonObject("extras"), "k"));
    String alert = text(a, "alert");
    IosAlert model = IosAlert.newBuilder().setTitleAndBody("Reader", "Today", alert).build();
    JsonObject json = new JsonObject();
    json.addProperty("title", "Reader");
    json.addProperty("subtitle", "Today");
    json.addProperty("body", alert);
    return switch (text(a, "form")) {
      case "text" -> byAlias ? client.sendIosNotificationWithAlias(alert, extras, alias) : client.sendIosNotificationWithRegistrationID(alert, extras, id);
      case "model" -> byAlias ? client.sendIosNotificationWithAlias(model, extras, alias) : client.sendIosNotificationWithRegistrationID(model, extras, id);
      default -> byAlias ? client.sendIosNotificationWithAlias(json, extras, alias) : client.sendIosNotificationWithRegistrationID(json, extras, id);
    };
  }

  /** The client clears tags and alias by flags; an alias to set is a second call. */
  private static JsonElement clear(String id, String alias) throws Exception {
    boolean drop = alias != null && alias.isEmpty();
    boolean ok = client.updateDeviceTagAlias(id, drop, true).isResultOK();
    if (!drop && alias != null) ok &= client.updateDeviceTagAlias(id, alias, Set.of(), Set.of()).isResultOK();
    return done(ok);
  }

  private static List<PushPayload> payloads(JsonObject a) {
    List<PushPayload> list = new ArrayList<>();
    a.getAsJsonArray("pushes").forEach(p -> list.add(Pushes.build(p.getAsJsonObject())));
    return list;
  }

  private static JsonElement batch(BatchPushResult result) {
    JsonArray items = new JsonArray();
    result.getBatchPushResult().values().forEach(r -> {
      JsonObject item = new JsonObject();
      item.addProperty("msg_id", r.msg_id);
      if (r.error != null) item.add("error", GSON.toJsonTree(r.error));
      items.add(item);
    });
    return items;
  }

  private static JsonElement sent(PushResult r) {
    JsonObject o = new JsonObject();
    o.addProperty("msg_id", r.msg_id);
    o.addProperty("sendno", r.sendno);
    return o;
  }

  private static JsonObject schedule(ScheduleResult r) {
    JsonObject o = new JsonObject();
    o.addProperty("schedule_id", r.getSchedule_id());
    o.addProperty("name", r.getName());
    return o;
  }

  private static JsonElement done(boolean ok) {
    if (!ok) throw new IllegalStateException("the client returned a result that is not OK");
    return JsonNull.INSTANCE;
  }

  private static Set<String> set(JsonObject a, String name) {
    return a.has(name) ? new HashSet<>(Pushes.strings(a.get(name))) : null;
  }

  private static String text(JsonObject a, String name) {
    return a.has(name) && a.get(name).isJsonPrimitive() ? a.get(name).getAsString() : null;
  }
}
