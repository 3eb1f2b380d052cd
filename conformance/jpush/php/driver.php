<?php
// Drives JPush's PHP client: a call a line in, its result a line out. It has no
// option for its server, so JPush's names must lead to Aurora.
//   php driver.php CHECKOUT
error_reporting(E_ERROR);
require $argv[1] . '/autoload.php';

use JPush\AdminClient;
use JPush\Client;
use JPush\Config;
use JPush\Exceptions\APIRequestException;
use JPush\Exceptions\JPushException;
use JPush\Http;

class Unsupported extends Exception {}

$client = new Client(getenv('APP_KEY'), getenv('MASTER_SECRET'), null, 1);

function ios($push, $a) {
    $plain = array_diff(array_keys($a), ['alert', 'sound', 'badge', 'content-available', 'category', 'extras']) === [] && !is_array($a['sound'] ?? null);
    if (isset($a['sound'], $a['badge'])) {
        $push->iosNotification($a['alert'] ?? '', array_diff_key($a, ['alert' => 1]));
    } elseif ($plain) {
        $push->addIosNotification($a['alert'] ?? null, $a['sound'] ?? Config::DISABLE_SOUND, $a['badge'] ?? Config::DISABLE_BADGE,
            $a['content-available'] ?? null, $a['category'] ?? null, $a['extras'] ?? null);
    } else {
        throw new Unsupported('iosNotification() adds a sound and a badge where none is wanted');
    }
}

function build($a, $client) {
    $push = $client->push()->setPlatform($a['platform']);
    if (($a['audience'] ?? null) === 'all') {
        $push->addAllAudience();
    }
    $adders = ['tag' => 'addTag', 'tag_and' => 'addTagAnd', 'tag_not' => 'addTagNot', 'alias' => 'addAlias', 'registration_id' => 'addRegistrationId'];
    foreach (is_array($a['audience'] ?? null) ? $a['audience'] : [] as $kind => $values) {
        if (!isset($adders[$kind])) throw new Unsupported("the client has no $kind");
        $push->{$adders[$kind]}($values);
    }
    if (isset($a['alert'])) $push->setNotificationAlert($a['alert']);
    if (isset($a['ios'])) ios($push, $a['ios']);
    if (isset($a['android'])) $push->androidNotification($a['android']['alert'], array_diff_key($a['android'], ['alert' => 1]));
    if (isset($a['message'])) $push->message($a['message']['msg_content'], array_diff_key($a['message'], ['msg_content' => 1]));
    if (isset($a['options'])) $push->options($a['options']);
    if (isset($a['cid'])) $push->setCid($a['cid']);
    return $push;
}

function batch($method) {
    return function ($a) use ($method) {
        global $client;
        $singles = array_map(fn($p) => array_filter(['platform' => $p['platform'], 'target' => $p['target'], 'notification' => ['ios' => $p['ios']], 'options' => $p['options'] ?? null]), $a['pushes']);
        $got = $client->push()->$method($singles);
        $got['body'] = array_values($got['body']);
        return $got;
    };
}

function labels($a) {
    global $client;
    $device = $client->device();
    if (!empty($a['clear_tags'])) {
        $got = $device->clearTags($a['id']);
        return isset($a['alias']) ? $device->updateAlias($a['id'], $a['alias']) : $got;
    }
    return $device->updateDevice($a['id'], $a['alias'] ?? null, null, $a['add'] ?? null, $a['remove'] ?? null);
}

function ids($a) { return array_map('trim', explode(',', $a['ids'])); }

$admin = fn() => new AdminClient(getenv('DEV_KEY'), getenv('DEV_SECRET'));
$calls = [
    'push' => fn($a) => build($a, $client)->send(),
    'validate' => fn($a) => build($a, $client)->validate(),
    'push_raw' => fn($a) => Http::post($client, $client->makeURL('push') . 'push', $a),
    'cid' => fn($a) => $client->push()->getCid($a['count'], $a['type'] ?? 'push'),
    'batch_registration_id' => batch('batchPushByRegid'),
    'batch_alias' => batch('batchPushByAlias'),
    'device' => fn($a) => $client->device()->getDevices($a['id']),
    'device_set' => 'labels',
    'mobile' => fn($a) => $client->device()->updateMoblie($a['id'], $a['mobile']),
    'device_status' => fn($a) => $client->device()->getDevicesStatus($a['ids']),
    'tags' => fn($a) => $client->device()->getTags(),
    'tag_has' => fn($a) => $client->device()->isDeviceInTag($a['id'], rawurlencode($a['tag'])),
    'tag_change' => fn($a) => $client->device()->updateTag(rawurlencode($a['tag']), $a['add'] ?? null, $a['remove'] ?? null),
    'tag_delete' => function ($a) use ($client) {
        if (isset($a['platform'])) throw new Unsupported('deleteTag() has no platform');
        return $client->device()->deleteTag(rawurlencode($a['tag']));
    },
    'alias' => fn($a) => $client->device()->getAliasDevices(rawurlencode($a['alias']), $a['platform'] ?? null),
    'alias_delete' => function ($a) use ($client) {
        if (isset($a['platform'])) throw new Unsupported('deleteAlias() has no platform');
        return $client->device()->deleteAlias(rawurlencode($a['alias']));
    },
    'received' => fn($a) => $client->report()->getReceived(ids($a)),
    'received_detail' => fn($a) => $client->report()->getReceivedDetail(ids($a)),
    'messages' => fn($a) => $client->report()->getMessages(ids($a)),
    'messages_detail' => fn($a) => $client->report()->getMessagesDetail(ids($a)),
    'message_status' => fn($a) => $client->report()->getMessageStatus((int) $a['msg_id'], $a['ids']),
    'users' => fn($a) => $client->report()->getUsers($a['unit'], $a['start'], $a['duration']),
    'schedule_create' => fn($a) => $client->schedule()->createSingleSchedule($a['name'], build($a['push'], $client)->build(), ['time' => $a['time']]),
    'schedule_list' => fn($a) => $client->schedule()->getSchedules(),
    'schedule_get' => fn($a) => $client->schedule()->getSchedule($a['id']),
    'schedule_update' => fn($a) => $client->schedule()->updateSingleSchedule($a['id'], $a['name']),
    'schedule_message_ids' => fn($a) => $client->schedule()->getMsgIds($a['id']),
    'schedule_delete' => fn($a) => $client->schedule()->deleteSchedule($a['id']),
    'group_push' => fn($a) => build($a, new Client('group-' . getenv('GROUP_KEY'), getenv('GROUP_SECRET'), null, 1))->send(),
    'app_create' => fn($a) => $admin()->createApp($a['name'], $a['package']),
    'app_delete' => fn($a) => $admin()->deleteApp($a['key']),
];

function answer($line) {
    global $calls;
    $request = json_decode($line, true);
    if (!isset($calls[$request['call']])) return ['unsupported' => 'the client has no such call'];
    try {
        $got = ($calls[$request['call']])($request['arguments'] ?? []);
        return ['value' => $got['body'] ?? new stdClass()];
    } catch (Unsupported | InvalidArgumentException $e) {
        return ['unsupported' => $e->getMessage()];
    } catch (APIRequestException $e) {
        return ['refusal' => ['type' => 'APIRequestException', 'status' => $e->getHttpCode(), 'code' => $e->getCode(), 'message' => $e->getMessage()]];
    } catch (JPushException $e) {
        return ['refusal' => ['type' => get_class($e), 'message' => $e->getMessage()]];
    } catch (Error $e) { // the client does not find its own parts
        return ['unsupported' => 'the client breaks: ' . $e->getMessage()];
    }
}

while (($line = fgets(STDIN)) !== false) {
    echo 'reply ', json_encode(answer($line), JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION), "\n";
    flush();
}
