// The facts that every device SDK agrees on: the Go tests in device/ read the same files.
#import "AURBackoff.h"
#import "AURConfig.h"
#import "AURErrors.h"
#import "AURReceipt.h"
#import "AURTest.h"
#import "AURWorld.h"

TEST(plistVectors) {
    for (NSDictionary *v in AURVectors(@"plist.json")) {
        NSData *data = AURVectorData([@"plist/" stringByAppendingString:v[@"file"]]);
        NSError *error = nil;
        AURConfig *config = [AURConfig configWithPropertyList:data error:&error];
        NSDictionary *want = v[@"config"];
        if (want == nil) {
            CHECK(config == nil, "%@ (%@) is accepted", v[@"file"], v[@"why"]);
            CHECK([error.userInfo[AURErrorKeysKey] isEqual:v[@"errors"]], "%@: names %@, want %@", v[@"file"], error.userInfo[AURErrorKeysKey], v[@"errors"]);
            CHECK([error.localizedDescription rangeOfString:@"; "].length > 0, "%@ does not say what to do", error.localizedDescription);
            continue;
        }
        CHECK(config != nil, "%@ (%@): %@", v[@"file"], v[@"why"], error.localizedDescription);
        CHECK([config.channel isEqual:want[@"channel"]], "%@: %@", v[@"file"], config.channel);
        CHECK([config.appKey isEqual:want[@"app_key"]], "%@: %@", v[@"file"], config.appKey);
        CHECK([config.server isEqual:want[@"server"]], "%@: %@", v[@"file"], config.server);
        CHECK(config.production == [want[@"production"] boolValue], "%@", v[@"file"]);
    }
}

TEST(configurationKeepsPasswordsToItself) {
    NSError *error = nil;
    [AURConfig configWithPropertyList:AURVectorData(@"plist/bad-server-password.plist") error:&error];
    CHECK(error != nil && [error.localizedDescription rangeOfString:@"pass@"].length == 0, "%@", error.localizedDescription);
}

TEST(damagedPropertyListsAreRefusedOrRead) {
    // Every byte of two good files changed, and every length cut: no crash, no hang, no accepted nonsense.
    for (NSString *name in @[ @"plist/xml-production.plist", @"plist/binary-all-kinds.plist" ]) {
        NSData *good = AURVectorData(name);
        unsigned random = 7;
        for (NSUInteger i = 0; i < good.length; i++) {
            NSMutableData *bad = [good mutableCopy];
            random = random * 1664525u + 1013904223u;
            ((uint8_t *)bad.mutableBytes)[i] = (uint8_t)(random >> 16);
            AURConfig *config = [AURConfig configWithPropertyList:bad error:NULL];
            CHECK(config == nil || config.appKey.length == 24, "byte %lu", (unsigned long)i);
            CHECK([AURConfig configWithPropertyList:[good subdataWithRange:NSMakeRange(0, i)] error:NULL] == nil || i + 2 >= good.length, "cut at %lu", (unsigned long)i);
        }
    }
}

static NSArray *triples(NSArray<AURReceipt *> *receipts) {
    NSMutableArray *result = [NSMutableArray array];
    for (AURReceipt *receipt in receipts) [result addObject:@[ receipt[@"msg_id"], receipt[@"event"], receipt[@"part"] ]];
    return result;
}

TEST(receiptVectors) {
    for (NSDictionary *v in AURVectors(@"receipts.json")) {
        id payload = AURExactJSON(v[@"payload"]);
        CHECK([triples(AURReceiptsFor(AURReceivedEvent, payload, [NSDate date])) isEqual:v[@"received"]], "%@", v[@"name"]);
        CHECK([triples(AURReceiptsFor(AUROpenedEvent, payload, [NSDate date])) isEqual:v[@"opened"]], "%@", v[@"name"]);
    }
}

TEST(numbersFromJavaScriptBridges) {
    EQUAL(AURMessageID(@{@"_j_msgid" : @58512043210007.0}), @"58512043210007");
    CHECK(AURMessageID(@{@"_j_msgid" : @1.5}) == nil);
    CHECK(AURMessageID(@{@"_j_msgid" : @1e19}) == nil);
    CHECK(AURMessageID(@{@"_j_msgid" : @-1.0}) == nil);
}

TEST(retryVectors) {
    NSDictionary *v = AURVectors(@"retry.json");
    EQUAL(@(AURBackoffBase * 1000), v[@"base_ms"]);
    EQUAL(@(AURBackoffCap * 1000), v[@"cap_ms"]);
    for (NSDictionary *step in v[@"backoff"]) {
        NSUInteger failures = [step[@"failures"] unsignedIntegerValue];
        double longest = AURBackoff(failures, 0) * 1000, shortest = AURBackoff(failures, 0.999999999) * 1000;
        CHECK(longest == [step[@"max_ms"] doubleValue], "longest after %@ is %f", step, longest);
        CHECK(shortest > [step[@"min_ms"] doubleValue] && shortest < [step[@"min_ms"] doubleValue] + 1, "shortest after %@ is %f", step, shortest);
    }
    NSDateFormatter *format = [[NSDateFormatter alloc] init];
    format.timeZone = [NSTimeZone timeZoneForSecondsFromGMT:0];
    format.dateFormat = @"yyyy-MM-dd'T'HH:mm:ss'Z'";
    NSDate *now = [format dateFromString:v[@"now"]];
    CHECK(now != nil);
    for (NSDictionary *header in v[@"retry_after"]) {
        double ms = AURRetryAfter(header[@"header"], now) * 1000;
        CHECK(ms == [header[@"ms"] doubleValue], "%@ asks for %f", header, ms);
    }
    EQUAL(@(AURPause(1, 3.6e6) * 1000), v[@"retry_after_cap_ms"]);
}

TEST(registrationVectors) {
    for (NSDictionary *v in AURVectors(@"registration.json")) {
        NSDictionary *given = v[@"config"], *want = v[@"request"];
        AURWorld *world = [AURWorld worldWithSeed:1];
        AUREnvironment *environment = [world environment];
        environment.bundleID = v[@"bundle_id"];
        environment.profile = v[@"profile"];
        AURConfig *config = [[AURConfig alloc] initWithAppKey:given[@"app_key"] channel:given[@"channel"] production:[given[@"production"] boolValue] server:given[@"server"]];
        AURClient *client = [[AURClient alloc] initWithConfig:config environment:environment];
        [client start];
        [world settle];
        AURRequest *request = world.requests.firstObject;
        EQUAL(request.method, want[@"method"]);
        EQUAL(request.URL.absoluteString, want[@"url"]);
        CHECK(request.headers[@"Authorization"] == nil);
        NSMutableDictionary *body = [[NSJSONSerialization JSONObjectWithData:request.body options:0 error:NULL] mutableCopy];
        CHECK([body[@"install_id"] length] == [want[@"install_id_length"] unsignedIntegerValue], "%@", body);
        CHECK([body[@"secret"] length] == [want[@"secret_length"] unsignedIntegerValue], "%@", body);
        [body removeObjectForKey:@"install_id"];
        [body removeObjectForKey:@"secret"];
        EQUAL(body, want[@"body"]);
        [client stop];
        [world settle];
    }
}

TEST(changeVectors) {
    for (NSDictionary *v in AURVectors(@"changes.json")) {
        AURWorld *world = [AURWorld worldWithSeed:1];
        AURClient *client = [world client];
        [client start];
        [world pass:1];
        world.offline = YES;
        [client setBadge:1]; // fails, so that what follows is one burst
        [world pass:0.3];
        for (NSArray *call in v[@"calls"]) {
            NSString *name = call[0];
            id value = call.count > 1 ? call[1] : nil;
            if ([name isEqual:@"token"]) [client registerDeviceToken:[value dataUsingEncoding:NSUTF8StringEncoding] production:NO];
            if ([name isEqual:@"alias"]) [client setAlias:value completion:nil];
            if ([name isEqual:@"set_tags"]) [client setTags:[NSSet setWithArray:value] completion:nil];
            if ([name isEqual:@"add_tags"]) [client addTags:[NSSet setWithArray:value] completion:nil];
            if ([name isEqual:@"remove_tags"]) [client removeTags:[NSSet setWithArray:value] completion:nil];
            if ([name isEqual:@"badge"]) [client setBadge:[value integerValue]];
            if ([name isEqual:@"push_enabled"]) [client setPushEnabled:[value boolValue] completion:nil];
            if ([name isEqual:@"notifications_allowed"]) [client setNotificationsAllowed:[value boolValue]];
        }
        world.offline = NO;
        [world.requests removeAllObjects];
        [world pass:30];
        NSUInteger patches = [world countOf:@"PATCH" path:@"/v1/devices/"];
        CHECK(patches == 1, "%@: %lu requests", v[@"name"], (unsigned long)patches);
        NSDictionary *body = [NSJSONSerialization JSONObjectWithData:world.requests.firstObject.body options:0 error:NULL];
        CHECK([body isEqual:v[@"body"]], "%@: %@, want %@", v[@"name"], body, v[@"body"]);
        [client stop];
        [world settle];
    }
}
