// The SDK against a real `aurora serve` with a local APNs behind it. ../../ios_test.go starts both and this program, and says
// where they are in the environment; it stops and starts the server when a line asks for it.
#import "AURExtensionReporter.h"
#import "AURPushCentre.h"
#import "AURSystemClock.h"
#import "AURTest.h"
#import "CurlTransport.h"
#import "JPUSHService.h"
#include <stdlib.h>

static NSString *given(const char *name) {
    const char *value = getenv(name);
    if (value == NULL) [NSException raise:@"usage" format:@"%s is not set; run go test ./sdk/ios", name];
    return [NSString stringWithUTF8String:value];
}

/// Runs the main thread until something is so; fails after 20 s.
static BOOL until(BOOL (^condition)(void), NSString *what) {
    NSDate *end = [NSDate dateWithTimeIntervalSinceNow:20];
    while (!condition()) {
        [[NSRunLoop currentRunLoop] runMode:NSDefaultRunLoopMode beforeDate:[NSDate dateWithTimeIntervalSinceNow:0.01]];
        if (end.timeIntervalSinceNow > 0) continue;
        AURTestFail(__FILE__, __LINE__, [@"waited in vain for " stringByAppendingString:what]);
        return NO;
    }
    return YES;
}

/// Asks whoever started this program to stop or start the server.
static void ask(NSString *what) {
    char line[16] = "";
    printf("@%s\n", what.UTF8String);
    fflush(stdout);
    CHECK(fgets(line, sizeof line, stdin) != NULL && line[0] == 'o', "%s", line);
}

/// A phone: what the process is started with.
static AUREnvironment *phone(NSURL *folder) {
    AUREnvironment *environment = [[AUREnvironment alloc] init];
    environment.transport = [[CurlTransport alloc] init];
    environment.storage = [[AURFileStorage alloc] initWithFolder:folder name:@"installation.json"];
    environment.clock = [[AURSystemClock alloc] init];
    environment.queue = [[AURBackgroundQueue alloc] init];
    environment.callbacks = [AURMainQueue shared];
    environment.receiptQueue = [[AURReceiptQueue alloc] initWithFolder:[folder URLByAppendingPathComponent:@"group"]];
    environment.bundleID = given("AURORA_BUNDLE_ID");
    environment.profile = @{@"app_version" : @"1.2", @"os_version" : @"26.0", @"model" : @"iPhone17,1"};
    return environment;
}

static void launchWithKey(NSURL *folder, NSString *appKey, AUREnvironment *environment) {
    [AURPushCentre restart];
    NSString *plist = [NSString stringWithFormat:@"<plist><dict><key>CHANNEL</key><string>Test</string><key>APP_KEY</key><string>%@</string><key>APS_FOR_PRODUCTION</key><string>0</string><key>SERVER</key><string>%@/</string></dict></plist>", appKey, given("AURORA_URL")];
    [[plist dataUsingEncoding:NSUTF8StringEncoding] writeToFile:[folder.path stringByAppendingPathComponent:@"PushConfig.plist"] atomically:YES];
    [AURPushCentre shared].environment = environment;
    [AURPushCentre shared].bundle = [NSBundle bundleWithPath:folder.path];
    [AURPushService setupWithOption:nil];
}

static void launch(NSURL *folder) { launchWithKey(folder, given("AURORA_APP_KEY"), phone(folder)); }

static NSData *token(void) {
    uint8_t bytes[32];
    arc4random_buf(bytes, sizeof bytes);
    return [NSData dataWithBytes:bytes length:sizeof bytes];
}

static NSString *hex(NSData *data) {
    NSMutableString *text = [NSMutableString string];
    for (NSUInteger i = 0; i < data.length; i++) [text appendFormat:@"%02x", ((const uint8_t *)data.bytes)[i]];
    return text;
}

static id rest(NSString *method, NSString *path, id body) {
    NSInteger status = 0;
    id answer = AURCall(method, [given("AURORA_URL") stringByAppendingString:path], given("AURORA_APP_KEY"), given("AURORA_MASTER_SECRET"), body, &status);
    CHECK(status == 200, "%@ %@: %ld %@", method, path, (long)status, answer);
    return answer;
}

/// Pushes and returns the message's id.
static NSString *push(NSDictionary *audience, NSDictionary *content) {
    NSMutableDictionary *body = [@{@"platform" : @[ @"ios" ], @"audience" : audience, @"options" : @{@"apns_production" : @NO}} mutableCopy];
    [body addEntriesFromDictionary:content];
    return rest(@"POST", @"/v3/push", body)[@"msg_id"];
}

/// What APNs got for a token.
static NSArray<NSDictionary *> *notifications(NSString *deviceToken) {
    NSString *url = [NSString stringWithFormat:@"%@/v1/notifications?token=%@", given("AURORA_MANAGE"), deviceToken];
    id answer = AURCall(@"GET", url, nil, nil, nil, NULL);
    return [answer isKindOfClass:[NSArray class]] ? answer : answer[@"notifications"];
}

/// The payload that APNs got for a token and a message, exact to the last digit.
static NSDictionary *arrived(NSString *deviceToken, NSString *messageID) {
    __block NSDictionary *payload = nil;
    until(^BOOL {
        for (NSDictionary *notification in notifications(deviceToken)) {
            NSString *id_ = [notification[@"payload"][@"_j_msgid"] description];
            NSNumber *number = notification[@"payload"][@"_j_msgid"];
            if (number != nil && ([id_ isEqual:messageID] || number.doubleValue == messageID.doubleValue)) payload = notification[@"payload"];
        }
        return payload != nil;
    }, [@"the push to " stringByAppendingString:[deviceToken substringToIndex:8]]);
    NSMutableDictionary *exact = [payload mutableCopy]; // GNUstep's reader makes doubles of numbers, iOS does not
    exact[@"_j_msgid"] = @(strtoull(messageID.UTF8String, NULL, 10));
    return exact;
}

static BOOL counts(NSString *messageID, NSInteger received, NSInteger opened) {
    NSDictionary *report = rest(@"GET", [@"/v1/messages/" stringByAppendingString:messageID], nil);
    return [report[@"received"] integerValue] == received && [report[@"opened"] integerValue] == opened;
}

/// Whether the server counts an in-app message as acknowledged.
static BOOL acknowledged(NSString *messageID) {
    NSArray *reports = rest(@"GET", [@"/v3/received?msg_ids=" stringByAppendingString:messageID], nil);
    return [[reports.firstObject[@"ios_msg_received"] description] isEqual:@"1"];
}

static NSString *registered(void) {
    until(^BOOL { return [AURPushService registrationID].length > 0; }, @"a registration id");
    return [AURPushService registrationID];
}

/// Waits for Aurora's word on a call.
static NSInteger answered(void (^call)(AURTagsCompletion)) {
    __block NSInteger result = -1;
    call(^(NSInteger code, NSSet *tags, NSInteger seq) { result = code; });
    until(^BOOL { return result >= 0; }, @"a completion");
    return result;
}

TEST(fromThePlistToTheReceipt) {
    NSURL *folder = AURTemporaryFolder();
    launch(folder);
    NSString *identifier = registered();
    CHECK(identifier.length == 19, "%@", identifier);
    NSData *mine = token();
    [AURPushService registerDeviceToken:mine];
    NSString *tag = [@"tag-" stringByAppendingString:identifier];
    CHECK(answered(^(AURTagsCompletion done) { [JPUSHService setTags:[NSSet setWithObjects:tag, @"中文", nil] completion:done seq:1]; }) == 0);
    __block NSInteger alias = -1;
    [JPUSHService setAlias:[@"alias-" stringByAppendingString:identifier] completion:^(NSInteger code, NSString *iAlias, NSInteger seq) { alias = code; } seq:2];
    until(^BOOL { return alias == 0; }, @"the alias");
    NSDictionary *device = rest(@"GET", [@"/v3/devices/" stringByAppendingString:identifier], nil);
    EQUAL([NSSet setWithArray:device[@"tags"]], ([NSSet setWithObjects:tag, @"中文", nil]));
    EQUAL(device[@"alias"], [@"alias-" stringByAppendingString:identifier]);

    NSString *messageID = push(@{@"tag" : @[ tag ]}, @{@"notification" : @{@"ios" : @{@"alert" : @"Hello", @"extras" : @{@"page" : @"offers"}}}});
    NSDictionary *payload = arrived(hex(mine), messageID);
    EQUAL(payload[@"page"], @"offers");
    [JPUSHService handleRemoteNotification:payload];
    until(^BOOL { return counts(messageID, 1, 0); }, @"received");
    [AURPushService reportOpened:payload];
    [AURPushService reportOpened:payload];
    until(^BOOL { return counts(messageID, 1, 1); }, @"opened");
    EQUAL([rest(@"GET", [@"/v3/received?msg_ids=" stringByAppendingString:messageID], nil)[0][@"ios_apns_received"] description], @"1");
}

TEST(aNewTokenReplacesTheOld) {
    launch(AURTemporaryFolder());
    NSString *identifier = registered();
    NSData *first = token(), *second = token();
    [AURPushService registerDeviceToken:first];
    NSDictionary *audience = @{@"registration_id" : @[ identifier ]}, *hello = @{@"notification" : @{@"alert" : @"Hello"}};
    CHECK(answered(^(AURTagsCompletion done) { [JPUSHService addTags:[NSSet setWithObject:@"a"] completion:done seq:1]; }) == 0);
    arrived(hex(first), push(audience, hello));
    [AURPushService registerDeviceToken:second];
    CHECK(answered(^(AURTagsCompletion done) { [JPUSHService addTags:[NSSet setWithObject:@"b"] completion:done seq:1]; }) == 0);
    arrived(hex(second), push(audience, hello));
    EQUAL([AURPushService registrationID], identifier);
    CHECK(answered(^(AURTagsCompletion done) { [JPUSHService getAllTags:done seq:1]; }) == 0);
    __block BOOL bound = NO;
    [JPUSHService validTag:@"b" completion:^(NSInteger code, NSSet *tags, NSInteger seq, BOOL isBind) { bound = isBind; } seq:1];
    until(^BOOL { return bound; }, @"the tag");
}

TEST(aBadAppKeyIsSaid) {
    NSURL *folder = AURTemporaryFolder();
    launchWithKey(folder, @"000000000000000000000000", phone(folder));
    __block NSInteger code = -1;
    [JPUSHService registrationIDCompletionHandler:^(int resCode, NSString *registrationID) { code = resCode; }];
    until(^BOOL { return code >= 0; }, @"an answer");
    CHECK(code == AURErrorUnknownAppKey, "%ld", (long)code);
}

TEST(anotherAppsPlistIsSaid) {
    NSURL *folder = AURTemporaryFolder();
    AUREnvironment *environment = phone(folder);
    environment.bundleID = @"com.example.other";
    __block NSError *error = nil;
    id observer = [[NSNotificationCenter defaultCenter] addObserverForName:kJPFNetworkFailedRegisterNotification object:nil queue:nil usingBlock:^(NSNotification *n) { error = n.userInfo[@"error"]; }];
    launchWithKey(folder, given("AURORA_APP_KEY"), environment);
    until(^BOOL { return error != nil; }, @"a refusal");
    CHECK(error.code == AURErrorRefused && [error.localizedDescription rangeOfString:@"com.example.other"].length > 0, "%@", error);
    [[NSNotificationCenter defaultCenter] removeObserver:observer];
}

TEST(anAliasThatIsFullIsSaid) {
    NSString *alias = [@"full-" stringByAppendingString:[[NSUUID UUID].UUIDString substringToIndex:8]];
    for (int i = 0; i <= 10; i++) {
        launch(AURTemporaryFolder());
        __block NSInteger result = -1;
        [JPUSHService setAlias:alias completion:^(NSInteger code, NSString *iAlias, NSInteger seq) { result = code; } seq:1];
        until(^BOOL { return result >= 0; }, @"the alias");
        CHECK(result == (i < 10 ? 0 : AURErrorAliasFull), "device %d: %ld", i, (long)result);
    }
}

TEST(offlineKilledAndBack) {
    NSURL *folder = AURTemporaryFolder();
    launch(folder);
    NSString *identifier = registered();
    NSData *mine = token();
    [AURPushService registerDeviceToken:mine];
    CHECK(answered(^(AURTagsCompletion done) { [JPUSHService addTags:[NSSet setWithObject:@"before"] completion:done seq:1]; }) == 0);
    NSString *messageID = push(@{@"registration_id" : @[ identifier ]}, @{@"notification" : @{@"alert" : @"Hello"}});
    NSDictionary *payload = arrived(hex(mine), messageID);
    ask(@"stop");
    [JPUSHService addTags:[NSSet setWithObject:@"offline"] completion:nil seq:2];
    [AURPushService reportOpened:payload];
    NSString *file = [folder.path stringByAppendingPathComponent:@"installation.json"];
    until(^BOOL {
        NSString *stored = [NSString stringWithContentsOfFile:file encoding:NSUTF8StringEncoding error:NULL];
        return [stored rangeOfString:@"opened"].length > 0 && [stored rangeOfString:@"offline"].length > 0;
    }, @"the record");
    launch(folder); // a new process, the server still away
    EQUAL([AURPushService registrationID], identifier);
    ask(@"start");
    [[AURPushCentre shared].client retry]; // the app comes to the front
    until(^BOOL { return counts(messageID, 1, 1); }, @"the receipts");
    NSArray *tags = rest(@"GET", [@"/v3/devices/" stringByAppendingString:identifier], nil)[@"tags"];
    EQUAL([NSSet setWithArray:tags], ([NSSet setWithObjects:@"before", @"offline", nil]));
}

TEST(inAppMessages) {
    NSURL *folder = AURTemporaryFolder();
    NSMutableArray *got = [NSMutableArray array];
    id observer = [[NSNotificationCenter defaultCenter] addObserverForName:kJPFNetworkDidReceiveMessageNotification object:nil queue:nil usingBlock:^(NSNotification *n) { [got addObject:n.userInfo]; }];
    launch(folder);
    NSString *identifier = registered();
    NSDictionary *audience = @{@"registration_id" : @[ identifier ]};
    NSString *first = push(audience, @{@"message" : @{@"msg_content" : @"one", @"title" : @"T", @"content_type" : @"text", @"extras" : @{@"k" : @"v"}}});
    until(^BOOL { return got.count == 1; }, @"the message");
    EQUAL(got[0], (@{@"content" : @"one", @"title" : @"T", @"content_type" : @"text", @"extras" : @{@"k" : @"v"}, @"_j_msgid" : first}));
    until(^BOOL { return acknowledged(first); }, @"the acknowledgement");
    [AURPushService stop];
    push(audience, @{@"message" : @{@"msg_content" : @"two"}});
    NSString *third = push(audience, @{@"message" : @{@"msg_content" : @"three"}});
    launch(folder);
    until(^BOOL { return got.count == 3; }, @"what came while the app was away");
    EQUAL(got[1][@"content"], @"two");
    EQUAL(got[2][@"content"], @"three");
    until(^BOOL { return acknowledged(third); }, @"the acknowledgement");
    [[NSNotificationCenter defaultCenter] removeObserver:observer];
}

// One push with a notification and an in-app message: the two arrive and count apart.
TEST(aPushOfTwoParts) {
    NSMutableArray *got = [NSMutableArray array];
    id observer = [[NSNotificationCenter defaultCenter] addObserverForName:kJPFNetworkDidReceiveMessageNotification object:nil queue:nil usingBlock:^(NSNotification *n) { [got addObject:n.userInfo]; }];
    launch(AURTemporaryFolder());
    NSString *identifier = registered();
    NSData *mine = token();
    [AURPushService registerDeviceToken:mine];
    CHECK(answered(^(AURTagsCompletion done) { [JPUSHService addTags:[NSSet setWithObject:@"x"] completion:done seq:1]; }) == 0);
    NSDictionary *audience = @{@"registration_id" : @[ identifier ]};
    NSDictionary *both = @{@"notification" : @{@"alert" : @"Hello"}, @"message" : @{@"msg_content" : @"inside"}};
    NSString *messageID = push(audience, both);
    NSDictionary *payload = arrived(hex(mine), messageID);
    until(^BOOL { return got.count == 1 && acknowledged(messageID); }, @"the in-app message");
    CHECK(counts(messageID, 0, 0)); // its acknowledgement says nothing about the notification
    [AURPushService reportOpened:payload];
    until(^BOOL { return counts(messageID, 1, 1); }, @"the notification's receipts");

    // The other order: the notification's receipt does not stand for the in-app message, which comes when the app is in front again.
    [AURPushCentre shared].appState = AURAppBackground;
    messageID = push(audience, both);
    payload = arrived(hex(mine), messageID);
    [AURPushService reportReceived:payload];
    until(^BOOL { return counts(messageID, 1, 0); }, @"received");
    CHECK(!acknowledged(messageID) && got.count == 1);
    [AURPushCentre shared].appState = AURAppActive;
    until(^BOOL { return got.count == 2 && acknowledged(messageID); }, @"the in-app message afterwards");
    [[NSNotificationCenter defaultCenter] removeObserver:observer];
}

TEST(callsAndLiveActivities) {
    launch(AURTemporaryFolder());
    NSString *identifier = registered();
    NSData *voip = token(), *start = token(), *running = token();
    NSString *game = [@"game.of " stringByAppendingString:identifier];
    __block NSInteger started = -1, updated = -1, ended = -1;
    [JPUSHService registerVoipToken:voip];
    [JPUSHService registerLiveActivity:@"Match" pushToStartToken:start completion:^(NSInteger code, NSString *name, NSData *pushToken, NSInteger seq) { started = code; } seq:1];
    [JPUSHService registerLiveActivity:game pushToken:running completion:^(NSInteger code, NSString *name, NSData *pushToken, NSInteger seq) { updated = code; } seq:2];
    until(^BOOL { return started >= 0 && updated >= 0; }, @"the tokens");
    CHECK(started == 0 && updated == 0, "%ld %ld", (long)started, (long)updated);

    NSDictionary *audience = @{@"registration_id" : @[ identifier ]};
    NSDictionary *call = arrived(hex(voip), push(audience, @{@"notification" : @{@"voip" : @{@"caller" : @"Ann"}}}));
    EQUAL(call[@"caller"], @"Ann");
    [JPUSHService handleVoipNotification:call];
    NSString *(^event)(NSData *) = ^NSString *(NSData *pushToken) { return [notifications(hex(pushToken)).lastObject[@"payload"][@"aps"][@"event"] description]; };
    push(audience, @{@"live_activity" : @{@"ios" : @{@"event" : @"start", @"attributes-type" : @"Match", @"attributes" : @{}, @"content-state" : @{@"score" : @0}, @"alert" : @{@"title" : @"t", @"body" : @"b"}}}});
    until(^BOOL { return [event(start) isEqual:@"start"]; }, @"the start");
    push(@{@"live_activity_id" : game}, @{@"live_activity" : @{@"ios" : @{@"event" : @"update", @"content-state" : @{@"score" : @1}}}});
    until(^BOOL { return [event(running) isEqual:@"update"]; }, @"the update");

    [JPUSHService registerLiveActivity:game pushToken:nil completion:^(NSInteger code, NSString *name, NSData *pushToken, NSInteger seq) { ended = code; } seq:3];
    until(^BOOL { return ended == 0; }, @"the end");
    NSInteger status = 0;
    NSDictionary *body = @{@"platform" : @[ @"ios" ], @"audience" : @{@"live_activity_id" : game}, @"live_activity" : @{@"ios" : @{@"event" : @"end", @"content-state" : @{}}}};
    NSDictionary *answer = AURCall(@"POST", [given("AURORA_URL") stringByAppendingString:@"/v3/push"], given("AURORA_APP_KEY"), given("AURORA_MASTER_SECRET"), body, &status);
    CHECK([[answer[@"error"][@"code"] description] isEqual:@"1011"], "%@", answer); // nobody has it any more
}

TEST(theExtensionReportsWhileTheAppIsNotRunning) {
    NSURL *folder = AURTemporaryFolder();
    launch(folder);
    NSString *identifier = registered();
    NSData *mine = token();
    [AURPushService registerDeviceToken:mine];
    CHECK(answered(^(AURTagsCompletion done) { [JPUSHService addTags:[NSSet setWithObject:@"x"] completion:done seq:1]; }) == 0);
    [AURPushService stop];
    NSDictionary *audience = @{@"registration_id" : @[ identifier ]}, *hello = @{@"notification" : @{@"ios" : @{@"alert" : @"Hello", @"mutable-content" : @YES}}};
    NSString *online = push(audience, hello), *offline = push(audience, hello);
    NSDictionary *first = arrived(hex(mine), online), *second = arrived(hex(mine), offline);
    AURExtensionReporter *extension = [[AURExtensionReporter alloc] initWithAppKey:given("AURORA_APP_KEY") environment:phone(folder)];
    __block int finished = 0;
    [extension reportReceived:first completion:^{ finished++; }];
    until(^BOOL { return finished == 1; }, @"the extension");
    CHECK(counts(online, 1, 0));
    ask(@"stop");
    [extension reportReceived:second completion:^{ finished++; }];
    until(^BOOL { return finished == 2; }, @"the extension without a server");
    ask(@"start");
    launch(folder); // the app's next start
    until(^BOOL { return counts(offline, 1, 0); }, @"the queued receipt");
}

TEST(manyTagsPhoneNumberBadgeAndOffSwitch) {
    launch(AURTemporaryFolder());
    NSString *identifier = registered();
    NSMutableSet *many = [NSMutableSet set];
    for (int i = 0; i < 300; i++) [many addObject:[NSString stringWithFormat:@"t%d", i]];
    CHECK(answered(^(AURTagsCompletion done) { [JPUSHService addTags:many completion:done seq:1]; }) == 0);
    __block NSInteger number = -1;
    [JPUSHService setMobileNumber:@"+49-30-1234" completion:^(NSError *error) { number = error.code; }];
    until(^BOOL { return number == 0; }, @"the phone number");
    NSDictionary *device = rest(@"GET", [@"/v3/devices/" stringByAppendingString:identifier], nil);
    CHECK([device[@"mobile"] isEqual:@"+49-30-1234"] && [device[@"tags"] count] == 300, "%@", device[@"mobile"]);
    NSData *mine = token();
    [AURPushService registerDeviceToken:mine];
    CHECK([JPUSHService setBadge:7]);
    CHECK(answered(^(AURTagsCompletion done) { [JPUSHService addTags:[NSSet setWithObject:@"x"] completion:done seq:1]; }) == 0);
    NSDictionary *audience = @{@"registration_id" : @[ identifier ]};
    NSDictionary *payload = arrived(hex(mine), push(audience, @{@"notification" : @{@"ios" : @{@"alert" : @"Hello", @"badge" : @"+1"}}}));
    EQUAL([payload[@"aps"][@"badge"] description], @"8");
    __block NSInteger off = -1;
    [JPUSHService setPushEnable:NO completion:^(NSInteger code) { off = code; }];
    until(^BOOL { return off == 0; }, @"the switch");
    NSString *messageID = push(audience, @{@"notification" : @{@"alert" : @"Hello"}});
    until(^BOOL { return [rest(@"GET", [@"/v1/messages/" stringByAppendingString:messageID], nil)[@"state"] isEqual:@"done"]; }, @"the end of the push");
    CHECK([rest(@"GET", [@"/v1/messages/" stringByAppendingString:messageID], nil)[@"accepted"] integerValue] == 0);
}
