// The class methods, as an app calls them.
#import "AURApp.h"
#import "AURErrors.h"
#import "AURTest.h"

#pragma clang diagnostic ignored "-Wdeprecated-declarations" // they are promised to work

static BOOL logged(NSString *part) {
    for (NSString *line in AURLines())
        if ([line rangeOfString:part].length > 0) return YES;
    return NO;
}

static AURWorld *launched(void) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURLaunch(world, AURGoodPlist(), nil);
    [AURPushService setupWithOption:nil];
    AURRun(world, 2);
    return world;
}

TEST(setupReadsThePlist) {
    AURWorld *world = launched();
    EQUAL([AURPushService registrationID], [world device].identifier);
    EQUAL([world device].registered[@"channel"], @"App Store");
    [AURPushService setupWithOption:nil];
    CHECK(logged(@"called before"));
}

TEST(argumentsWinOverThePlist) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    NSMutableDictionary *plist = [AURGoodPlist() mutableCopy];
    plist[@"APP_KEY"] = @"zzzzzzzzzzzzzzzzzzzzzzzz";
    AURLaunch(world, plist, nil);
    [JPUSHService setupWithOption:nil appKey:AURWorldAppKey channel:@"Beta" apsForProduction:YES advertisingIdentifier:@"ignored"];
    [AURPushService registerDeviceToken:[NSData dataWithBytes:"\7" length:1]];
    AURRun(world, 2);
    EQUAL([world device].registered[@"channel"], @"Beta");
    EQUAL([world device].values[@"environment"], @"production");
}

TEST(wrongPlistsAreNamed) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    __block NSInteger code = -1;
    __block NSSet *tags = [NSSet set];
    NSMutableArray *posted = [NSMutableArray array];
    id observer = [[NSNotificationCenter defaultCenter] addObserverForName:AURNetworkFailedRegisterNotification object:nil queue:nil usingBlock:^(NSNotification *n) { [posted addObject:n.userInfo[@"error"]]; }];
    NSMutableDictionary *plist = [AURGoodPlist() mutableCopy];
    plist[@"APP_KEY"] = @"your AppKey";
    AURLaunch(world, plist, nil);
    [AURPushService setupWithOption:nil];
    [AURPushService registrationIDCompletionHandler:^(int resCode, NSString *registrationID) { code = resCode; }];
    [AURPushService addTags:[NSSet setWithObject:@"a"] completion:^(NSInteger resCode, NSSet *iTags, NSInteger seq) { tags = iTags; } seq:4];
    AURRun(world, 1);
    CHECK(code == AURErrorConfiguration || code == AURErrorMalformedAppKey, "%ld", (long)code);
    CHECK(tags == nil && logged(@"APP_KEY is \"your AppKey\"") && posted.count == 1 && world.requests.count == 0);
    AURLaunch(world, nil, nil);
    [AURPushService setupWithOption:nil];
    CHECK(logged(@"there is no PushConfig.plist"));
    AURLaunch(world, nil, nil);
    [AURPushService setupWithOption:nil appKey:AURWorldAppKey channel:nil apsForProduction:NO];
    CHECK(logged(@"SERVER is missing"));
    AURLaunch(world, nil, nil);
    [AURPushService setServer:@"http://aurora.test"];
    [AURPushService setupWithOption:nil appKey:@"SHORT" channel:nil apsForProduction:NO];
    [AURPushService registrationIDCompletionHandler:^(int resCode, NSString *registrationID) { code = resCode; }];
    AURRun(world, 1);
    CHECK(code == AURErrorMalformedAppKey, "%ld", (long)code);
    [AURPushService setupWithOption:nil appKey:AURWorldAppKey channel:nil apsForProduction:NO]; // mended
    AURRun(world, 1);
    CHECK([AURPushService registrationID].length == 19);
    [[NSNotificationCenter defaultCenter] removeObserver:observer];
}

TEST(callsBeforeSetupAreHeldOrRefused) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURLaunch(world, AURGoodPlist(), nil);
    __block NSInteger code = -1;
    [AURPushService registerDeviceToken:[NSData dataWithBytes:"\1\2" length:2]];
    [AURPushService reportOpened:@{@"_j_msgid" : @5}];
    [AURPushService setAlias:@"x" completion:^(NSInteger resCode, NSString *alias, NSInteger seq) { code = resCode; } seq:1];
    CHECK(![AURPushService setBadge:3]);
    EQUAL([AURPushService registrationID], @"");
    AURRun(world, 100);
    CHECK(code == AURErrorNotSetUp && world.requests.count == 0 && world.stored == nil);
    [AURPushService setupWithOption:nil];
    AURRun(world, 3);
    EQUAL([world device].values[@"token"], @"0102");
    EQUAL(world.receipts, (@[ @"5 received", @"5 opened" ]));
}

TEST(theProfileDecidesTheEnvironment) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    NSMutableDictionary *plist = [AURGoodPlist() mutableCopy];
    plist[@"APS_FOR_PRODUCTION"] = @"1";
    AURLaunch(world, plist, @"development");
    [AURPushService setupWithOption:nil];
    [AURPushService registerDeviceToken:[NSData dataWithBytes:"\1" length:1]];
    AURRun(world, 2);
    EQUAL([world device].values[@"environment"], @"development");
    CHECK(logged(@"APS_FOR_PRODUCTION says production, but this build is signed for development"));
}

TEST(tagsAndAliasThroughJPushsSelectors) {
    AURWorld *world = launched();
    NSMutableArray *got = [NSMutableArray array];
    JPUSHTagsOperationCompletion tagsDone = ^(NSInteger code, NSSet *tags, NSInteger seq) { [got addObject:[NSString stringWithFormat:@"%ld %lu %ld", (long)code, (unsigned long)tags.count, (long)seq]]; };
    JPUSHAliasOperationCompletion aliasDone = ^(NSInteger code, NSString *alias, NSInteger seq) { [got addObject:[NSString stringWithFormat:@"%ld %@ %ld", (long)code, alias, (long)seq]]; };
    [JPUSHService setTags:[NSSet setWithObjects:@"a", @"b", nil] completion:tagsDone seq:1];
    [JPUSHService addTags:[NSSet setWithObject:@"c"] completion:tagsDone seq:2];
    [JPUSHService deleteTags:[NSSet setWithObject:@"a"] completion:tagsDone seq:3];
    [JPUSHService setAlias:@"ann" completion:aliasDone seq:4];
    AURRun(world, 2);
    [got sortUsingSelector:@selector(compare:)];
    EQUAL(got, (@[ @"0 1 2", @"0 1 3", @"0 2 1", @"0 ann 4" ]));
    [got removeAllObjects];
    [JPUSHService getAllTags:tagsDone seq:5];
    AURRun(world, 1);
    [JPUSHService getAlias:aliasDone seq:6];
    AURRun(world, 1);
    __block BOOL bound = NO, other = YES;
    [JPUSHService validTag:@"c" completion:^(NSInteger code, NSSet *tags, NSInteger seq, BOOL isBind) { bound = isBind; } seq:7];
    [JPUSHService validTag:@"z" completion:^(NSInteger code, NSSet *tags, NSInteger seq, BOOL isBind) { other = isBind; } seq:8];
    AURRun(world, 1);
    EQUAL(got, (@[ @"0 2 5", @"0 ann 6" ]));
    CHECK(bound && !other);
    [got removeAllObjects];
    [JPUSHService cleanTags:tagsDone seq:9];
    AURRun(world, 1);
    [JPUSHService deleteAlias:aliasDone seq:10];
    AURRun(world, 1);
    [JPUSHService setAlias:@"" completion:aliasDone seq:11];
    [JPUSHService setTags:[NSSet set] completion:tagsDone seq:12];
    AURRun(world, 1);
    [got sortUsingSelector:@selector(compare:)]; // tags and alias are answered each on its own
    EQUAL(got, (@[ @"0 (null) 10", @"0 0 9", @"6001 (null) 11", @"6001 0 12" ]));
    CHECK([world device].tags.count == 0 && [[world device].values[@"alias"] isEqual:@""]);
}

@interface Callback : NSObject
@property (nonatomic, copy) NSString *got;
- (void)tagsAliasCallback:(int)code tags:(NSSet *)tags alias:(NSString *)alias;
@end
@implementation Callback
- (void)tagsAliasCallback:(int)code tags:(NSSet *)tags alias:(NSString *)alias { self.got = [NSString stringWithFormat:@"%d %lu %@", code, (unsigned long)tags.count, alias]; }
@end

TEST(deprecatedTagMethodsWork) {
    AURWorld *world = launched();
    Callback *callback = [[Callback alloc] init];
    [JPUSHService setTags:[NSSet setWithObject:@"a"] alias:@"bob" callbackSelector:@selector(tagsAliasCallback:tags:alias:) object:callback];
    AURRun(world, 2);
    EQUAL(callback.got, @"0 1 bob");
    __block int code = -1;
    [JPUSHService setTags:nil alias:@"" fetchCompletionHandle:^(int iResCode, NSSet *iTags, NSString *iAlias) { code = iResCode; }];
    AURRun(world, 2);
    CHECK(code == 0 && [[world device].values[@"alias"] isEqual:@""] && [[world device].tags containsObject:@"a"]);
    [JPUSHService setTags:[NSSet set] aliasInbackground:nil];
    [JPUSHService setAlias:@"eve" callbackSelector:NULL object:nil];
    AURRun(world, 2);
    CHECK([world device].tags.count == 0 && [[world device].values[@"alias"] isEqual:@"eve"]);
}

TEST(badgePushStateAndPhoneNumber) {
    AURWorld *world = launched();
    __block NSInteger enabled = -1, number = -1;
    __block BOOL stopped = NO;
    CHECK([JPUSHService setBadge:7] && ![JPUSHService setBadge:-1] && ![JPUSHService setBadge:100000]);
    [JPUSHService setPushEnable:NO completion:^(NSInteger code) { enabled = code; }];
    [JPUSHService setMobileNumber:@"+4930123" completion:^(NSError *error) { number = error.code; }];
    AURRun(world, 2);
    [JPUSHService getPushStatus:^(NSInteger code, BOOL isStopped) { stopped = isStopped; }];
    AURRun(world, 1);
    NSDictionary *values = [world device].values;
    CHECK([values[@"badge"] isEqual:@7] && [values[@"push_enabled"] isEqual:@NO] && [values[@"mobile"] isEqual:@"+4930123"], "%@", values);
    CHECK(enabled == 0 && number == 0 && stopped);
    [JPUSHService resetBadge];
    AURRun(world, 1);
    EQUAL([world device].values[@"badge"], @0);
}

TEST(aTapThatStartsTheAppIsKept) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURLaunch(world, AURGoodPlist(), nil);
    [AURPushCentre shared].appState = AURAppInactive;
    NSDictionary *payload = @{@"aps" : @{@"alert" : @"hi"}, @"_j_msgid" : @77, @"page" : @"offers"};
    [AURPushService setupWithOption:@{@"UIApplicationLaunchOptionsRemoteNotificationKey" : payload}];
    AURRun(world, 5);
    EQUAL(world.receipts, (@[ @"77 received", @"77 opened" ]));
    __block NSDictionary *tapped = nil;
    [AURPushService setTapHandler:^(NSDictionary *got, NSString *action) { tapped = got; }];
    AURRun(world, 1);
    EQUAL(tapped, payload);
    // A silent push that wakes the app is no tap.
    AURLaunch(world, AURGoodPlist(), nil);
    [AURPushCentre shared].appState = AURAppBackground;
    [AURPushService setupWithOption:@{@"UIApplicationLaunchOptionsRemoteNotificationKey" : @{@"_j_msgid" : @78}}];
    AURRun(world, 5);
    CHECK([world.receipts containsObject:@"78 received"] && ![world.receipts containsObject:@"78 opened"]);
}

TEST(handleRemoteNotificationFollowsTheStateOfTheApp) {
    AURWorld *world = launched();
    [AURPushCentre shared].appState = AURAppActive;
    [JPUSHService handleRemoteNotification:@{@"_j_msgid" : @1}];
    [AURPushCentre shared].appState = AURAppInactive;
    [JPUSHService handleRemoteNotification:@{@"_j_msgid" : @2}];
    [JPUSHService handleRemoteNotification:@{@"aps" : @{}}];
    AURRun(world, 3);
    EQUAL([NSSet setWithArray:world.receipts], ([NSSet setWithObjects:@"1 received", @"2 received", @"2 opened", nil]));
}

TEST(tokensThroughJPushsSelectors) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    NSMutableDictionary *plist = [AURGoodPlist() mutableCopy];
    plist[@"APS_FOR_PRODUCTION"] = @"1";
    AURLaunch(world, plist, nil);
    NSMutableArray *got = [NSMutableArray array];
    JPUSHLiveActivityTokenCompletion done = ^(NSInteger code, NSString *name, NSData *token, NSInteger seq) { [got addObject:[NSString stringWithFormat:@"%ld %@ %lu %ld", (long)code, name, (unsigned long)token.length, (long)seq]]; };
    NSData *token = [NSData dataWithBytes:"\1\2" length:2];
    [JPUSHService registerVoipToken:token]; // PushKit is often faster than the app: it waits for setup
    [JPUSHService registerLiveActivity:@"Match" pushToStartToken:token completion:done seq:1];
    AURRun(world, 1);
    [AURPushService setupWithOption:nil];
    AURRun(world, 2);
    EQUAL([world device].values[@"voip_token"], @"0102");
    EQUAL([world device].values[@"environment"], @"production");
    [JPUSHService registerLiveActivity:@"Match" pushToStartToken:token completion:done seq:2];
    [JPUSHService registerLiveActivity:@"game" pushToken:token completion:done seq:3];
    [JPUSHService registerLiveActivity:@"" pushToken:token completion:done seq:4];
    AURRun(world, 2);
    EQUAL([world device].values[@"live_activity_start_tokens"], (@{@"Match" : @"0102"}));
    EQUAL([world device].values[@"live_activity_tokens"], (@{@"game" : @"0102"}));
    [JPUSHService registerLiveActivity:@"game" pushToken:nil completion:done seq:5];
    AURRun(world, 2);
    EQUAL([world device].values[@"live_activity_tokens"], @{});
    [got sortUsingSelector:@selector(compare:)];
    EQUAL(got, (@[ @"0 Match 2 2", @"0 game 0 5", @"0 game 2 3", @"6001  2 4", @"6100 Match 2 1" ]));
    [JPUSHService handleVoipNotification:@{@"_j_msgid" : @31}];
    AURRun(world, 2);
    EQUAL(world.receipts, (@[ @"31 received" ]));
}

// Whatever an app leaves out, nothing crashes.
TEST(nothingIsAlsoAnArgument) {
    AURWorld *world = launched();
    id nothing = nil;
    NSMutableArray *codes = [NSMutableArray array];
    JPUSHTagsOperationCompletion tagsDone = ^(NSInteger code, NSSet *tags, NSInteger seq) { [codes addObject:@(code)]; };
    [JPUSHService addTags:nothing completion:tagsDone seq:1];
    [JPUSHService setTags:nothing completion:tagsDone seq:1];
    [JPUSHService deleteTags:nothing completion:tagsDone seq:1];
    [JPUSHService setAlias:nothing completion:^(NSInteger code, NSString *alias, NSInteger seq) { [codes addObject:@(code)]; } seq:1];
    [JPUSHService validTag:nothing completion:^(NSInteger code, NSSet *tags, NSInteger seq, BOOL isBind) { [codes addObject:@(code)]; } seq:1];
    [JPUSHService setTags:nothing alias:nothing fetchCompletionHandle:^(int code, NSSet *tags, NSString *alias) { [codes addObject:@(code)]; }];
    AURRun(world, 1);
    EQUAL(codes, (@[ @6001, @6001, @6001, @6001, @6001, @6001 ]));
    [JPUSHService setTags:[NSSet setWithObject:@"a"] completion:nothing seq:1];
    [JPUSHService cleanTags:nothing seq:1];
    [JPUSHService getAllTags:nothing seq:1];
    [JPUSHService validTag:@"a" completion:nothing seq:1];
    [JPUSHService setAlias:@"a" completion:nothing seq:1];
    [JPUSHService deleteAlias:nothing seq:1];
    [JPUSHService getAlias:nothing seq:1];
    [JPUSHService registrationIDCompletionHandler:nothing];
    [JPUSHService setPushEnable:YES completion:nothing];
    [JPUSHService getPushStatus:nothing];
    [JPUSHService setMobileNumber:nothing completion:nothing];
    [JPUSHService registerDeviceToken:nothing];
    [JPUSHService registerVoipToken:nothing];
    [JPUSHService registerLiveActivity:nothing pushToken:nothing completion:nothing seq:1];
    [JPUSHService setProperties:nothing completion:nothing seq:1];
    [JPUSHService handleRemoteNotification:nothing];
    [JPUSHService filterValidTags:nothing];
    AURRun(world, 2);
    CHECK([AURPushService registrationID].length == 19);
}

TEST(inAppMessagesArePosted) {
    AURWorld *world = launched();
    NSMutableArray *got = [NSMutableArray array];
    id observer = [[NSNotificationCenter defaultCenter] addObserverForName:kJPFNetworkDidReceiveMessageNotification object:nil queue:nil usingBlock:^(NSNotification *n) { [got addObject:n.userInfo]; }];
    [world message:@"90" content:@"hello"];
    AURRun(world, 5);
    CHECK(got.count == 1 && [got[0][@"content"] isEqual:@"hello"], "%@", got);
    [AURPushCentre shared].appState = AURAppBackground;
    AURRun(world, 1);
    [world message:@"91" content:@"later"];
    AURRun(world, 120);
    CHECK(got.count == 1);
    [AURPushCentre shared].appState = AURAppActive;
    AURRun(world, 5);
    CHECK(got.count == 2);
    [[NSNotificationCenter defaultCenter] removeObserver:observer];
}

TEST(whatIsNotOfferedSaysSo) {
    AURWorld *world = launched();
    NSMutableArray *codes = [NSMutableArray array];
    JPUSHPropertiesOperationCompletion done = ^(NSInteger code, NSDictionary *properties, NSInteger seq) { [codes addObject:@(code)]; };
    [JPUSHService setProperties:@{@"k" : @1} completion:done seq:1];
    [JPUSHService deleteProperties:[NSSet setWithObject:@"k"] completion:done seq:1];
    [JPUSHService cleanProperties:done seq:1];
    AURRun(world, 1);
    EQUAL(codes, (@[ @6101, @6101, @6101 ]));
    NSUInteger before = AURLines().count;
    [JPUSHService setSmartPushEnable:NO];
    [JPUSHService setDataInsightsEnable:NO];
    [JPUSHService setCollectControl:[[JPushCollectControl alloc] init]];
    [JPUSHService setLocationEanable:NO];
    [JPUSHService pageEnterTo:@"p"];
    [JPUSHService pageLeave:@"p"];
    [JPUSHService setInAppMessageDelegate:nil];
    [JPUSHService setNotiInMessageDelegate:nil];
    [JPUSHService startLogPageView:@"p"];
    [JPUSHService stopLogPageView:@"p"];
    [JPUSHService beginLogPageView:@"p" duration:1];
    [JPUSHService setLatitude:1 longitude:2];
    [JPUSHService setLocation:nil];
    [JPUSHService registerLbsGeofenceDelegate:nil withLaunchOptions:nil];
    [JPUSHService setGeofeneceMaxCount:1];
    [JPUSHService setGeofenecMaxCount:1];
    [JPUSHService setGeofenecePeriodForInside:1];
    [JPUSHService removeGeofenceWithIdentifier:@"g"];
    [JPUSHService crashLogON];
    CHECK(AURLines().count - before == 19, "%lu lines", (unsigned long)(AURLines().count - before));
    CHECK(logged(@"crashLogON does nothing"));
}

TEST(theLogKeepsSecretsToItself) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    AURLaunch(world, AURGoodPlist(), nil);
    AURLog.level = AURLogLevelVerbose;
    [AURPushService setupWithOption:nil];
    [AURPushService registerDeviceToken:[NSData dataWithBytes:"0123456789abcdef0123456789abcdef" length:32]];
    AURRun(world, 3);
    CHECK(AURLines().count > 0);
    for (NSString *line in AURLines()) {
        CHECK([line hasPrefix:@"AURORA | "]);
        CHECK([line rangeOfString:[world device].secret].length == 0 && [line rangeOfString:@"3031323334353637383961"].length == 0, "%@", line);
    }
    [AURPushService setLogOFF];
    NSUInteger before = AURLines().count;
    [AURPushService registerDeviceToken:[NSData dataWithBytes:"x" length:1]];
    AURRun(world, 1);
    CHECK(AURLines().count == before);
}
