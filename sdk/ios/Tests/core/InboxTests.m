// In-app messages by long poll.
#import "AURNotifications.h"
#import "AURTest.h"
#import "AURWorld.h"

static AURClient *started(AURWorld *world) {
    AURClient *client = [world client];
    [client setFetchesMessages:YES];
    [client start];
    [world pass:2];
    return client;
}

static void finish(AURWorld *world, AURClient *client) {
    [client stop];
    [world pass:100];
}

TEST(messagesComeOnceAndAreAcknowledged) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = started(world);
    [world message:@"21" content:@"one"];
    [world message:@"22" content:@"two"];
    [world pass:5];
    CHECK(world.messages.count == 2, "%@", world.messages);
    NSDictionary *expected = @{@"content" : @"one", @"title" : @"t", @"content_type" : @"text", @"extras" : @{@"k" : @"v"}, @"_j_msgid" : @"21"};
    EQUAL(world.messages.firstObject, expected);
    NSArray *receipts = @[ @"21 received message", @"22 received message" ];
    EQUAL(world.receipts, receipts);
    CHECK([world device].inbox.count == 0);
    NSUInteger polls = [world countOf:@"GET" path:@"/v1/devices/"];
    [world pass:500];
    polls = [world countOf:@"GET" path:@"/v1/devices/"] - polls;
    CHECK(polls >= 8 && polls <= 12, "%lu polls in 500 s", (unsigned long)polls);
    finish(world, client);
    CHECK([world.events containsObject:AURNetworkDidCloseNotification]);
}

// One push can bring both under one id; neither may be taken for the other, in whichever order they come.
TEST(aMessageAndANotificationOfOnePushCountApart) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = started(world);
    [client noteOpened:@{@"_j_msgid" : @23}];
    [world pass:2];
    [world message:@"23" content:@"both"];
    [world pass:5];
    CHECK(world.messages.count == 1);
    [world message:@"24" content:@"both"];
    [world pass:5];
    [client noteReceived:@{@"_j_msgid" : @"24"}];
    [world pass:5];
    CHECK(world.messages.count == 2 && [world device].inbox.count == 0);
    EQUAL(world.receipts, (@[ @"23 received", @"23 opened", @"23 received message", @"24 received message", @"24 received" ]));
    finish(world, client);
}

TEST(aSeenMessageIsDroppedAndAcknowledgedAgain) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = started(world);
    [world message:@"30" content:@"x"];
    [world pass:5];
    [world.receipts removeAllObjects]; // the server was restored from a backup
    [world message:@"30" content:@"x"];
    [world pass:10];
    CHECK(world.messages.count == 1);
    EQUAL(world.receipts, @[ @"30 received message" ]);
    CHECK([world device].inbox.count == 0);
    finish(world, client);
}

TEST(aServerThatRepeatsForEverIsNotAskedInACircle) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = started(world);
    [world message:@"31" content:@"x"];
    [world pass:5];
    NSUInteger before = world.requests.count;
    for (int second = 0; second < 600; second++) {
        if ([world device].inbox.count == 0) [world message:@"31" content:@"x"];
        [world pass:1];
    }
    CHECK(world.messages.count == 1);
    CHECK(world.requests.count - before < 60, "%lu requests in ten minutes", (unsigned long)(world.requests.count - before));
    finish(world, client);
}

TEST(aServerWithoutWaitingIsNotAskedInACircle) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [world pass:2];
    for (int i = 0; i < 200; i++) [world.faults addObject:[AURFault status:200 body:@"{\"messages\":[]}"]];
    NSUInteger before = world.requests.count;
    [client setFetchesMessages:YES];
    [world pass:600];
    CHECK(world.requests.count - before < 20, "%lu requests in ten minutes", (unsigned long)(world.requests.count - before));
    finish(world, client);
}

TEST(noPollInTheBackgroundOrWhenPushIsOff) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = started(world);
    [client setFetchesMessages:NO];
    [world pass:1];
    NSUInteger before = world.requests.count;
    [world pass:600];
    CHECK(world.requests.count == before);
    [client setFetchesMessages:YES];
    [client setPushEnabled:NO completion:nil];
    [world pass:5];
    before = world.requests.count;
    [world pass:600];
    CHECK(world.requests.count == before);
    [client setPushEnabled:YES completion:nil];
    [world message:@"40" content:@"x"];
    [world pass:5];
    CHECK(world.messages.count == 1);
    finish(world, client);
}

TEST(messagesComeAfterAnOutage) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = started(world);
    world.offline = YES;
    [world pass:300];
    [world message:@"50" content:@"x"];
    world.offline = NO;
    [client retry];
    [world pass:3];
    CHECK(world.messages.count == 1 && [world.receipts isEqual:@[ @"50 received message" ]]);
    finish(world, client);
}

TEST(thePollNoticesAnUnknownRegistration) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = started(world);
    NSString *first = client.registrationID;
    [world.devices removeAllObjects];
    [world pass:120];
    CHECK(client.registrationID.length > 0 && ![client.registrationID isEqual:first]);
    finish(world, client);
}

TEST(nonsenseInTheInboxIsSkipped) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [world pass:2];
    [world.faults addObject:[AURFault status:200 body:@"{\"messages\":[5,{\"msg_id\":\"x\"},{\"msg_id\":\"61\",\"content\":7,\"extras\":[]},null]}"]];
    [client setFetchesMessages:YES];
    [world pass:3];
    EQUAL(world.messages, (@[ @{@"_j_msgid" : @"61", @"content" : @""} ]));
    finish(world, client);
}
