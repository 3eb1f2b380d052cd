// The delivery of desired state and receipts, in a world without real time.
#import "AURBackoff.h"
#import "AURErrors.h"
#import "AURNotifications.h"
#import "AURTest.h"
#import "AURWorld.h"

static NSSet *set(NSString *first, ...) {
    NSMutableSet *result = [NSMutableSet set];
    va_list list;
    va_start(list, first);
    for (NSString *s = first; s != nil; s = va_arg(list, NSString *)) [result addObject:s];
    va_end(list);
    return result;
}

static void finish(AURWorld *world, AURClient *client) {
    [client stop];
    [world pass:100];
}

TEST(nothingHappensBeforeStart) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client setAlias:@"early" completion:nil];
    [client registerDeviceToken:[NSData dataWithBytes:"\1" length:1] production:NO];
    [world pass:3600];
    CHECK(world.requests.count == 0 && world.stored == nil);
    EQUAL(client.registrationID, @"");
    [client start];
    [world pass:10];
    EQUAL([world device].values[@"alias"], @"early");
    EQUAL([world device].values[@"token"], @"01");
    finish(world, client);
}

TEST(registrationComesBeforeAnyToken) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    __block NSString *identifier = nil;
    [client requestRegistrationID:^(NSString *registrationID, NSError *error) { identifier = registrationID; }];
    [client start];
    [world pass:1];
    EQUAL(identifier, [world device].identifier);
    EQUAL(client.registrationID, identifier);
    CHECK([world device].values[@"token"] == nil);
    NSArray *expected = @[ AURNetworkIsConnectingNotification, AURNetworkDidRegisterNotification, AURNetworkDidLoginNotification ];
    EQUAL(world.events, expected);
    finish(world, client);
}

TEST(retriesUntilTheServerIsBack) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    world.latency = 0;
    AURFault *hotel = [AURFault status:200 body:@"<html>Sign in to the hotel network</html>"];
    [world.faults addObjectsFromArray:@[
        [AURFault offline], [AURFault status:503 body:@"upstream down"], [AURFault status:500 body:@"{\"error\":{\"code\":1000,\"message\":\"oops\"}}"],
        [AURFault status:302 body:@""], hotel, [AURFault status:404 body:@"404 page not found"], [AURFault lost]
    ]];
    AURClient *client = [world client];
    [client start];
    [world pass:300];
    [world device]; // the lost answer did not lead to a second device
    CHECK([world countOf:@"POST" path:@"/v1/devices"] == 8);
    for (NSUInteger i = 0; i < 7; i++) {
        NSTimeInterval gap = [world.times[i + 1] timeIntervalSinceDate:world.times[i]], longest = (NSTimeInterval)(1 << i);
        CHECK(gap > longest / 2 && gap <= longest, "pause %lu was %f", (unsigned long)i + 1, gap);
    }
    finish(world, client);
}

TEST(obeysRetryAfter) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    world.latency = 0;
    AURFault *busy = [AURFault status:429 body:@"{\"error\":{\"code\":2002,\"message\":\"slow down\"}}"];
    busy.headers = @{@"retry-after" : @"90"};
    [world.faults addObject:busy];
    AURClient *client = [world client];
    [client start];
    [world pass:89];
    CHECK(world.requests.count == 1);
    [world pass:2];
    CHECK(client.registrationID.length > 0);
    finish(world, client);
}

TEST(retryEndsThePause) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    world.offline = YES;
    AURClient *client = [world client];
    [client start];
    [world pass:1200];
    world.offline = NO;
    [client retry];
    [world pass:0.2];
    CHECK(client.registrationID.length > 0);
    finish(world, client);
}

TEST(lastWriteWinsAndBurstsAreOneRequest) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [world pass:2];
    [world.faults addObject:[AURFault offline]];
    [client setBadge:1];
    [world pass:0.1];
    NSUInteger before = [world countOf:@"PATCH" path:@"/"];
    __block int answered = 0, failed = 0;
    void (^count)(NSError *) = ^(NSError *error) { error == nil ? answered++ : failed++; };
    [client setAlias:@"first" completion:count];
    [client setAlias:@"second" completion:count];
    [client setTags:set(@"a", @"b", nil) completion:count];
    [client addTags:set(@"c", nil) completion:count];
    [client removeTags:set(@"a", nil) completion:count];
    [client setBadge:7];
    [client setPushEnabled:NO completion:count];
    [client setPushEnabled:YES completion:count];
    [client setNotificationsAllowed:YES];
    [client registerDeviceToken:[NSData dataWithBytes:"\1" length:1] production:NO];
    [client registerDeviceToken:[NSData dataWithBytes:"\2" length:1] production:YES];
    [world pass:5];
    NSDictionary *values = [world device].values;
    EQUAL(values[@"alias"], @"second");
    EQUAL(values[@"badge"], @7);
    EQUAL(values[@"push_enabled"], @YES);
    EQUAL(values[@"token"], @"02");
    EQUAL(values[@"environment"], @"production");
    NSSet *expected = set(@"b", @"c", nil);
    EQUAL([world device].tags, expected);
    CHECK([world countOf:@"PATCH" path:@"/"] - before == 1);
    CHECK(answered == 7 && failed == 0, "%d answered, %d failed", answered, failed);
    finish(world, client);
}

TEST(aChangeOfMindDuringARequestIsSent) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [world pass:2];
    world.latency = 5;
    __block NSError *told = nil;
    __block int calls = 0;
    [client setAlias:@"old" completion:^(NSError *error) { calls++; told = error; }];
    [client addTags:set(@"x", nil) completion:nil];
    [client registerDeviceToken:[NSData dataWithBytes:"\1" length:1] production:NO];
    [world pass:1]; // "old" is on its way
    [client setAlias:@"new" completion:nil];
    [client removeTags:set(@"x", nil) completion:nil];
    [client registerDeviceToken:[NSData dataWithBytes:"\2" length:1] production:NO]; // has to bring its environment along again
    [world pass:15];
    EQUAL([world device].values[@"alias"], @"new");
    EQUAL([world device].values[@"token"], @"02");
    CHECK([world device].tags.count == 0 && calls == 1 && told == nil);
    finish(world, client);
}

TEST(aLostAnswerIsRepeatedHarmlessly) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [world pass:2];
    [world.faults addObjectsFromArray:@[ [AURFault lost], [AURFault lost] ]];
    [client addTags:set(@"vip", nil) completion:nil];
    [world pass:10];
    [world.faults addObject:[AURFault lost]];
    [client noteReceived:@{@"_j_msgid" : @"12"}];
    [world pass:10];
    NSSet *expected = set(@"vip", nil);
    EQUAL([world device].tags, expected);
    EQUAL(world.receipts, @[ @"12 received" ]);
    CHECK(world.batches.count == 2);
    finish(world, client);
}

TEST(survivesBeingKilledAnywhere) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [world pass:2];
    NSString *identifier = client.registrationID;
    world.offline = YES;
    [client setAlias:@"offline" completion:nil];
    [client noteOpened:@{@"_j_msgid" : @1}];
    [world settle]; // stored; the process ends here, without stop
    world.offline = NO;
    [client stop];
    client = [world client];
    [client start];
    EQUAL(client.registrationID, identifier); // at once, before any network
    [world pass:5];
    EQUAL([world device].values[@"alias"], @"offline");
    [client noteOpened:@{@"_j_msgid" : @1}]; // the system may hand a notification over twice
    [world pass:5];
    NSArray *expected = @[ @"1 received", @"1 opened" ];
    EQUAL(world.receipts, expected);
    CHECK(world.batches.count == 1);
    finish(world, client);
}

TEST(aRefusedValueDoesNotTakeOthersAlong) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    world.offline = YES;
    AURClient *client = [world client];
    [client start];
    __block NSInteger alias = -1, tags = -1;
    [client registerDeviceToken:[NSData dataWithBytes:"\11" length:1] production:NO];
    [client setAlias:@"taken" completion:^(NSError *error) { alias = error.code; }];
    [client setTags:set(@"a", nil) completion:^(NSError *error) { tags = error.code; }];
    [client setBadge:3];
    [world settle];
    world.offline = NO;
    [world pass:15];
    CHECK(alias == AURErrorAliasFull, "%ld", (long)alias);
    CHECK(tags == 0, "%ld", (long)tags);
    EQUAL([world device].values[@"token"], @"09");
    EQUAL([world device].values[@"badge"], @3);
    CHECK([world device].values[@"alias"] == nil);
    CHECK([world.events containsObject:AURServiceErrorNotification]);
    finish(world, client);
}

TEST(aBadAppKeyIsFinalUntilAsked) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURConfig *config = [[AURConfig alloc] initWithAppKey:@"000000000000000000000000" channel:@"c" production:NO server:@"http://aurora.test"];
    AURClient *client = [[AURClient alloc] initWithConfig:config environment:[world environment]];
    __block NSInteger code = -1, tags = -1, later = -1, read = -1;
    [client requestRegistrationID:^(NSString *identifier, NSError *error) { code = error.code; }];
    [client addTags:set(@"a", nil) completion:^(NSError *error) { tags = error.code; }];
    [client start];
    [world pass:86400];
    CHECK(code == AURErrorUnknownAppKey && tags == AURErrorUnknownAppKey, "%ld %ld", (long)code, (long)tags);
    CHECK(world.requests.count == 1);
    [client setAlias:@"x" completion:^(NSError *error) { later = error.code; }];
    [client readDevice:^(NSDictionary *device, NSError *error) { read = error.code; }];
    [world pass:1];
    CHECK(later == AURErrorUnknownAppKey && read == AURErrorUnknownAppKey);
    [client retry];
    [world pass:1];
    CHECK(world.requests.count == 2);
    finish(world, client);
}

TEST(anUnknownRegistrationIsMadeAnew) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [client setAlias:@"ann" completion:nil];
    [client setTags:set(@"a", nil) completion:nil];
    [client addTags:set(@"b", nil) completion:nil];
    [client registerDeviceToken:[NSData dataWithBytes:"\5" length:1] production:NO];
    [world pass:5];
    NSString *first = client.registrationID;
    [world.devices removeAllObjects]; // the operator deleted it
    [client noteReceived:@{@"_j_msgid" : @4}];
    [world pass:10];
    CHECK(client.registrationID.length > 0 && ![client.registrationID isEqual:first]);
    EQUAL([world device].values[@"alias"], @"ann");
    EQUAL([world device].values[@"token"], @"05");
    EQUAL([world device].values[@"environment"], @"development");
    NSSet *expected = set(@"a", @"b", nil);
    EQUAL([world device].tags, expected);
    EQUAL(world.receipts, @[ @"4 received" ]);
    finish(world, client);
}

TEST(anInstallIDThatIsTakenIsMadeAnew) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [world pass:1];
    [world device].secret = @"somebody else's";
    [client setBadge:2];
    [world pass:20];
    CHECK(world.devices.count == 2);
    EQUAL(world.devices[client.registrationID].values[@"badge"], @2);
    finish(world, client);
}

TEST(aConfusedServerIsLeftInPeace) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [client noteReceived:@{@"_j_msgid" : @4}];
    for (int second = 0; second < 600; second++) {
        [world pass:1];
        [world.devices removeAllObjects]; // it registers devices and then does not know them
    }
    CHECK(world.requests.count < 60, "%lu requests in ten minutes", (unsigned long)world.requests.count);
    finish(world, client);
}

TEST(completionsEndWithinTwentySeconds) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    world.offline = YES;
    AURClient *client = [world client];
    [client start];
    __block NSInteger alias = -1, identifier = -1, read = -1;
    __block int calls = 0;
    [client setAlias:@"ann" completion:^(NSError *error) { alias = error.code; calls++; }];
    [client requestRegistrationID:^(NSString *registrationID, NSError *error) { identifier = error.code; calls++; }];
    [client readDevice:^(NSDictionary *device, NSError *error) { read = error.code; calls++; }];
    [world pass:20.1];
    CHECK(alias == AURErrorTimedOut && identifier == AURErrorTimedOut, "%ld %ld", (long)alias, (long)identifier);
    CHECK(read == AURErrorServerBusy || read == AURErrorTimedOut, "%ld", (long)read);
    world.offline = NO;
    [world pass:600];
    EQUAL([world device].values[@"alias"], @"ann"); // still delivered
    CHECK(calls == 3, "%d", calls);
    finish(world, client);
}

TEST(unreadableStorageIsNotReplaced) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [world pass:1];
    NSString *identifier = client.registrationID;
    [client stop];
    [world pass:1];
    world.loadFails = YES; // before the first unlock of the phone
    client = [world client];
    [client start];
    [client setAlias:@"late" completion:nil];
    [client noteReceived:@{@"_j_msgid" : @"8"}];
    [world pass:60];
    EQUAL(client.registrationID, @"");
    CHECK(world.devices.count == 1);
    world.loadFails = NO;
    [world pass:300];
    EQUAL(client.registrationID, identifier);
    EQUAL([world device].values[@"alias"], @"late");
    EQUAL(world.receipts, @[ @"8 received" ]);
    finish(world, client);
}

TEST(nothingIsSentWithAnIdentityThatIsNotStored) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    world.storageFails = YES;
    AURClient *client = [world client];
    [client start];
    [world pass:60];
    CHECK(world.requests.count == 0);
    world.storageFails = NO;
    [world pass:300];
    CHECK(client.registrationID.length > 0);
    finish(world, client);
}

TEST(aDamagedRecordStartsAnew) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    world.stored = [@"{\"version\":2,\"receipts\":[1,{\"msg_id\":5}],\"known\":[2]}" dataUsingEncoding:NSUTF8StringEncoding];
    AURClient *client = [world client];
    [client start];
    [world pass:1];
    CHECK(client.registrationID.length > 0);
    finish(world, client);
    world.stored = [@"{\"version\":" dataUsingEncoding:NSUTF8StringEncoding];
    client = [world client];
    [client start];
    [world pass:1];
    CHECK(client.registrationID.length > 0 && world.devices.count == 2);
    finish(world, client);
}

TEST(oneSpoiledReceiptDoesNotHoldUpTheOthers) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    world.offline = YES;
    AURClient *client = [world client];
    [client start];
    for (int i = 1; i <= 250; i++) [client noteReceived:@{@"_j_msgid" : i == 77 ? @666666 : @(i)}];
    [world pass:1];
    world.offline = NO;
    [world pass:60];
    CHECK(world.receipts.count == 249, "%lu", (unsigned long)world.receipts.count);
    for (NSNumber *size in world.batches) CHECK(size.integerValue <= 100);
    finish(world, client);
}

TEST(receiptsAreBounded) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    world.offline = YES;
    AURClient *client = [world client];
    [client start];
    for (int i = 1; i <= 1100; i++) [client noteReceived:@{@"_j_msgid" : @(i)}];
    [world settle];
    CHECK(world.stored.length < 200 << 10, "%lu bytes", (unsigned long)world.stored.length);
    world.offline = NO;
    [world pass:60];
    CHECK(world.receipts.count == 1000 && [world.receipts containsObject:@"1100 received"]);
    finish(world, client);
}

TEST(backgroundWorkKnowsWhenItIsDone) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [world pass:2];
    __block int yes = 0, no = 0;
    void (^done)(BOOL) = ^(BOOL delivered) { delivered ? yes++ : no++; };
    [client noteReceived:@{@"_j_msgid" : @9}];
    [client whenDelivered:done within:20];
    [world pass:1];
    CHECK(yes == 1 && [world.receipts isEqual:@[ @"9 received" ]]);
    world.offline = YES;
    [client noteReceived:@{@"_j_msgid" : @10}];
    [client whenDelivered:done within:20];
    [world pass:1];
    CHECK(yes == 1 && no == 1);
    world.offline = NO;
    [world pass:10];
    world.latency = 100;
    [client noteReceived:@{@"_j_msgid" : @11}];
    [client whenDelivered:done within:20];
    [world pass:19];
    CHECK(no == 1);
    [world pass:2];
    CHECK(no == 2);
    finish(world, client);
    CHECK(yes == 1 && no == 2);
}

TEST(refusedArgumentsChangeNothing) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [world pass:2];
    NSUInteger before = world.requests.count;
    __block NSMutableArray *codes = [NSMutableArray array];
    void (^note)(NSError *) = ^(NSError *error) { [codes addObject:@(error.code)]; };
    NSString *fits = [@"" stringByPaddingToLength:13 withString:@"中" startingAtIndex:0]; // 39 bytes
    NSString *tooLong = [fits stringByAppendingString:@"中"];
    NSMutableSet *many = [NSMutableSet set], *heavy = [NSMutableSet set];
    for (int i = 0; i <= 1000; i++) [many addObject:[NSString stringWithFormat:@"%d", i]];
    for (int i = 0; i < 126; i++) [heavy addObject:[NSString stringWithFormat:@"%040d", i]];
    [client setAlias:tooLong completion:note];
    [client setAlias:@"a,b" completion:note];
    [client setAlias:@"a\nb" completion:note];
    [client addTags:set(@"fine", tooLong, nil) completion:note];
    [client addTags:set(@"fine", @"", nil) completion:note];
    [client addTags:[NSSet set] completion:note];
    [client addTags:many completion:note];
    [client addTags:heavy completion:note];
    [client setTags:nil alias:nil completion:note];
    [client setMobile:@"+123456789012345678901" completion:note];
    [client setMobile:@"12a" completion:note];
    [world pass:1];
    NSArray *expected = @[ @6004, @6003, @6003, @6006, @6005, @6001, @6007, @6008, @6001, @6025, @6023 ];
    EQUAL(codes, expected);
    CHECK(world.requests.count == before);
    [codes removeAllObjects];
    [client setTags:heavy alias:fits completion:note]; // the older limit is 7000 bytes
    [client setMobile:@"+49-30-1234" completion:note];
    [world pass:2];
    expected = @[ @0, @0 ];
    EQUAL(codes, expected);
    finish(world, client);
}

TEST(reinstallWithAnotherAppKeyForgetsTheRegistration) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [client setAlias:@"ann" completion:nil];
    [world pass:2];
    [world.device.values removeAllObjects];
    [client stop];
    [world pass:1];
    AURConfig *config = [[AURConfig alloc] initWithAppKey:AURWorldAppKey channel:@"c" production:NO server:@"http://other.test"];
    client = [[AURClient alloc] initWithConfig:config environment:[world environment]];
    [client start];
    EQUAL(client.registrationID, @"");
    [world pass:2];
    EQUAL([world device].values[@"alias"], @"ann");
    finish(world, client);
}

TEST(manyTagsGoInSeveralRequests) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [world pass:2];
    NSMutableSet *many = [NSMutableSet set], *some = [NSMutableSet set];
    for (int i = 0; i < 500; i++) [(i % 2 ? many : some) addObject:[NSString stringWithFormat:@"t%d", i]];
    __block int done = 0;
    [client addTags:many completion:^(NSError *error) { done += error == nil; }];
    [client addTags:some completion:^(NSError *error) { done += error == nil; }];
    [world pass:5];
    CHECK(done == 2 && [world device].tags.count == 500, "%d, %lu tags", done, (unsigned long)[world device].tags.count);
    [client removeTags:some completion:^(NSError *error) { done += error == nil; }];
    [world pass:0.07]; // one request has been answered
    [client addTags:set(@"t0", nil) completion:nil];
    [world pass:5];
    [many addObject:@"t0"];
    CHECK(done == 3, "%d", done);
    EQUAL([world device].tags, many);
    finish(world, client);
}

TEST(tokensOfCallsAndLiveActivities) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURClient *client = [world client];
    [client start];
    [world pass:2];
    NSData *(^bytes)(const char *) = ^(const char *text) { return [NSData dataWithBytes:text length:strlen(text)]; };
    NSMutableArray *codes = [NSMutableArray array];
    void (^note)(NSError *) = ^(NSError *error) { [codes addObject:@(error.code)]; };
    [client registerVoIPToken:bytes("v") production:YES];
    [client registerActivityStartToken:bytes("s") type:@"Match" production:YES completion:note];
    [client registerActivityToken:bytes("a") activity:@"game.1" production:YES completion:note]; // a point in the name is the app's affair
    [client registerActivityToken:bytes("b") activity:@"game 2" production:YES completion:note];
    [world pass:2];
    NSDictionary *values = [world device].values;
    EQUAL(values[@"voip_token"], @"76");
    EQUAL(values[@"environment"], @"production");
    EQUAL(values[@"live_activity_start_tokens"], (@{@"Match" : @"73"}));
    EQUAL(values[@"live_activity_tokens"], (@{@"game.1" : @"61", @"game 2" : @"62"}));
    EQUAL(codes, (@[ @0, @0, @0 ]));
    [client registerActivityToken:nil activity:@"game.1" production:YES completion:note]; // it has ended
    [world pass:2];
    EQUAL([world device].values[@"live_activity_tokens"], (@{@"game 2" : @"62"}));
    // A token that Aurora refuses takes no other along, and is not asked for again by the next registration.
    world.offline = YES;
    [codes removeAllObjects];
    [client registerActivityToken:bytes("c") activity:@"refused" production:YES completion:note];
    [client registerActivityToken:bytes("d") activity:@"fine" production:YES completion:note];
    [client registerActivityToken:bytes("e") activity:@"" production:YES completion:note];
    [client registerActivityToken:bytes("e") activity:[@"" stringByPaddingToLength:65 withString:@"x" startingAtIndex:0] production:YES completion:note];
    [world settle];
    world.offline = NO;
    [world pass:15];
    [codes sortUsingSelector:@selector(compare:)];
    EQUAL(codes, (@[ @0, @6001, @6001, @6017 ]));
    [world.devices removeAllObjects]; // the operator deleted it
    [client setBadge:1];
    [world.requests removeAllObjects];
    [world pass:30];
    values = [world device].values;
    EQUAL(values[@"live_activity_tokens"], (@{@"game 2" : @"62", @"fine" : @"64"}));
    EQUAL(values[@"voip_token"], @"76");
    for (AURRequest *request in world.requests) CHECK([[[NSString alloc] initWithData:request.body encoding:NSUTF8StringEncoding] rangeOfString:@"refused"].length == 0);
    finish(world, client);
}
