// The layer for UIKit and UserNotifications, run against fakes that do what Apple documents.
#import "AURApp.h"
#import "AURNotificationExtension.h"
#import "AURReceiptQueue.h"
#import "AURTest.h"
#import "Fakes.h"
#import "JPushNotificationExtensionService.h"

#pragma clang diagnostic ignored "-Wdeprecated-declarations" // they are promised to work

@interface AURNotificationExtension (Tests)
+ (void)setEnvironment:(AUREnvironment *)environment;
@end

/// An app's delegate, as JPush's guides write it.
@interface AppDelegate : NSObject <JPUSHRegisterDelegate>
@property (nonatomic) NSMutableArray *seen;
@property (nonatomic) NSInteger calls; ///< of the system's handlers
@end
@implementation AppDelegate
- (instancetype)init {
    if ((self = [super init])) _seen = [NSMutableArray array];
    return self;
}
- (void)jpushNotificationCenter:(UNUserNotificationCenter *)center willPresentNotification:(UNNotification *)notification withCompletionHandler:(void (^)(NSInteger))completionHandler {
    [self.seen addObject:@"present"];
    [JPUSHService handleRemoteNotification:notification.request.content.userInfo];
    for (NSInteger i = 0; i < self.calls; i++) completionHandler(UNNotificationPresentationOptionAlert);
}
- (void)jpushNotificationCenter:(UNUserNotificationCenter *)center didReceiveNotificationResponse:(UNNotificationResponse *)response withCompletionHandler:(void (^)(void))completionHandler {
    [self.seen addObject:@"response"];
    [JPUSHService handleRemoteNotification:response.notification.request.content.userInfo];
    for (NSInteger i = 0; i < self.calls; i++) completionHandler();
}
- (void)jpushNotificationCenter:(UNUserNotificationCenter *)center openSettingsForNotification:(UNNotification *)notification { [self.seen addObject:@"settings"]; }
- (void)jpushNotificationAuthorization:(JPAuthorizationStatus)status withInfo:(NSDictionary *)info { [self.seen addObject:[NSString stringWithFormat:@"status %ld", (long)status]]; }
@end

/// Somebody who was the delegate of the centre before.
@interface Other : NSObject <UNUserNotificationCenterDelegate>
@property (nonatomic) NSInteger presented;
@end
@implementation Other
- (void)userNotificationCenter:(UNUserNotificationCenter *)center willPresentNotification:(UNNotification *)notification withCompletionHandler:(void (^)(UNNotificationPresentationOptions))completionHandler {
    self.presented++;
    completionHandler(UNNotificationPresentationOptionSound);
}
@end

static AppDelegate *app;
static Other *other;

static AURWorld *launched(UIApplicationState state) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    [UNUserNotificationCenter reset];
    [[UIApplication sharedApplication].log removeAllObjects];
    [UIApplication sharedApplication].applicationState = state;
    AURLaunch(world, AURGoodPlist(), nil);
    other = [[Other alloc] init];
    app = [[AppDelegate alloc] init];
    app.calls = 1;
    [UNUserNotificationCenter currentNotificationCenter].delegate = other;
    JPUSHRegisterEntity *entity = [[JPUSHRegisterEntity alloc] init];
    entity.types = JPAuthorizationOptionAlert | JPAuthorizationOptionBadge | JPAuthorizationOptionSound;
    entity.categories = [NSSet setWithObject:[[UNNotificationCategory alloc] init]];
    [JPUSHService registerForRemoteNotificationConfig:entity delegate:app];
    [JPUSHService setupWithOption:nil];
    AURRun(world, 2);
    return world;
}

static void present(NSDictionary *payload, void (^handler)(UNNotificationPresentationOptions)) {
    @autoreleasepool {
        UNUserNotificationCenter *center = [UNUserNotificationCenter currentNotificationCenter];
        [center.delegate userNotificationCenter:center willPresentNotification:AURFakeNotification(payload) withCompletionHandler:handler];
    }
}

static void tap(NSDictionary *payload, NSString *action, void (^handler)(void)) {
    @autoreleasepool {
        UNUserNotificationCenter *center = [UNUserNotificationCenter currentNotificationCenter];
        [center.delegate userNotificationCenter:center didReceiveNotificationResponse:AURFakeResponse(payload, action) withCompletionHandler:handler];
    }
}

TEST(registeringAsksForPermissionAndToken) {
    AURWorld *world = launched(UIApplicationStateActive);
    EQUAL([UNUserNotificationCenter currentNotificationCenter].log, (@[ @"categories 1", @"authorize 7" ]));
    EQUAL([UIApplication sharedApplication].log, @[ @"register" ]);
    EQUAL(app.seen, @[ @"status 2" ]);
    __block JPAuthorizationStatus status = 9;
    [UNUserNotificationCenter currentNotificationCenter].status = UNAuthorizationStatusDenied;
    [JPUSHService requestNotificationAuthorization:^(JPAuthorizationStatus now) { status = now; }];
    AURRun(world, 2);
    CHECK(status == JPAuthorizationStatusDenied);
    EQUAL([world device].values[@"notifications_allowed"], @NO);
    [JPUSHService openSettingsForNotification:nil];
    EQUAL([UIApplication sharedApplication].log.lastObject, @"app-settings:");
    [JPUSHService registerForRemoteNotificationTypes:JPAuthorizationOptionAlert categories:nil];
    EQUAL([UNUserNotificationCenter currentNotificationCenter].log.lastObject, @"authorize 4");
}

TEST(aForegroundArrivalIsReceivedAndShownOnce) {
    AURWorld *world = launched(UIApplicationStateActive);
    NSMutableArray *options = [NSMutableArray array];
    void (^handler)(UNNotificationPresentationOptions) = ^(UNNotificationPresentationOptions option) { [options addObject:@(option)]; };
    present(@{@"_j_msgid" : @1}, handler);
    app.calls = 2; // an app that calls it twice
    present(@{@"_j_msgid" : @2}, handler);
    app.calls = 0; // and one that forgets it
    present(@{@"_j_msgid" : @3}, handler);
    AURRun(world, 3);
    EQUAL(options, (@[ @(UNNotificationPresentationOptionAlert), @(UNNotificationPresentationOptionAlert), @0 ]));
    EQUAL(world.receipts, (@[ @"1 received", @"2 received", @"3 received" ]));
    app = nil; // the delegate is gone: not retained, and the system is answered all the same
    present(@{@"_j_msgid" : @4}, handler);
    CHECK(options.count == 4);
}

TEST(aTapIsOpenedAndHandedOver) {
    AURWorld *world = launched(UIApplicationStateInactive);
    __block int handled = 0;
    NSMutableArray *taps = [NSMutableArray array];
    tap(@{@"_j_msgid" : @5}, UNNotificationDefaultActionIdentifier, ^{ handled++; });
    [JPUSHService setTapHandler:^(NSDictionary *payload, NSString *action) { [taps addObject:[NSString stringWithFormat:@"%@ %@", payload[@"_j_msgid"], action]]; }];
    tap(@{@"_j_msgid" : @6}, @"reply", ^{ handled++; });
    app.calls = 0;
    tap(@{@"_j_msgid" : @7}, UNNotificationDismissActionIdentifier, ^{ handled++; });
    app.calls = 3;
    tap(@{@"_j_msgid" : @8}, UNNotificationDefaultActionIdentifier, ^{ handled++; });
    AURRun(world, 3);
    CHECK(handled == 4, "%d", handled);
    EQUAL(taps, (@[ @"5 (null)", @"6 reply", @"8 (null)" ]));
    NSSet *expected = [NSSet setWithObjects:@"5 received", @"5 opened", @"6 received", @"6 opened", @"7 received", @"8 received", @"8 opened", nil];
    NSMutableSet *got = [NSMutableSet setWithArray:world.receipts];
    [got removeObject:@"7 opened"]; // this app reports whatever it is handed while it is inactive
    EQUAL(got, expected);
}

TEST(aDismissedNotificationIsNotOpened) {
    AURWorld *world = launched(UIApplicationStateActive);
    app.calls = 1;
    tap(@{@"_j_msgid" : @7}, UNNotificationDismissActionIdentifier, ^{});
    AURRun(world, 3);
    EQUAL(world.receipts, @[ @"7 received" ]);
}

TEST(othersKeepTheirNotifications) {
    AURWorld *world = launched(UIApplicationStateActive);
    __block UNNotificationPresentationOptions option = 0;
    present(@{@"aps" : @{}}, ^(UNNotificationPresentationOptions got) { option = got; });
    CHECK(other.presented == 1 && option == UNNotificationPresentationOptionSound);
    present(@{@"_j_msgid" : @9}, ^(UNNotificationPresentationOptions got) { option = got; });
    CHECK(other.presented == 1 && option == UNNotificationPresentationOptionAlert);
    __block int handled = 0;
    tap(@{@"aps" : @{}}, UNNotificationDefaultActionIdentifier, ^{ handled++; }); // the other has no such method
    CHECK(handled == 1);
    AURRun(world, 2);
    EQUAL(world.receipts, @[ @"9 received" ]);
    UNUserNotificationCenter *center = [UNUserNotificationCenter currentNotificationCenter];
    [center.delegate userNotificationCenter:center openSettingsForNotification:nil];
    EQUAL(app.seen.lastObject, @"settings");
}

TEST(aTapAtTheLaunchCountsOnce) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    [UNUserNotificationCenter reset];
    [UIApplication sharedApplication].applicationState = UIApplicationStateInactive;
    AURLaunch(world, AURGoodPlist(), nil);
    NSDictionary *payload = @{@"_j_msgid" : @11};
    app = [[AppDelegate alloc] init];
    app.calls = 1;
    [JPUSHService registerForRemoteNotificationConfig:[[JPUSHRegisterEntity alloc] init] delegate:app];
    [JPUSHService setupWithOption:@{@"UIApplicationLaunchOptionsRemoteNotificationKey" : payload}];
    tap(payload, UNNotificationDefaultActionIdentifier, ^{});
    [AURPushService handleConnectionOptions:AURFakeConnection(AURFakeResponse(payload, UNNotificationDefaultActionIdentifier))];
    NSMutableArray *taps = [NSMutableArray array];
    [JPUSHService setTapHandler:^(NSDictionary *got, NSString *action) { [taps addObject:got]; }];
    AURRun(world, 3);
    EQUAL(taps, @[ payload ]);
    EQUAL([NSSet setWithArray:world.receipts], ([NSSet setWithObjects:@"11 received", @"11 opened", nil]));
}

TEST(scenesWithoutTheDelegate) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    [UNUserNotificationCenter reset];
    [UIApplication sharedApplication].applicationState = UIApplicationStateInactive;
    AURLaunch(world, AURGoodPlist(), nil);
    [AURPushService setupWithOption:nil];
    [AURPushService handleConnectionOptions:AURFakeConnection(nil)];
    [AURPushService handleConnectionOptions:AURFakeConnection(AURFakeResponse(@{@"_j_msgid" : @12}, @"a"))];
    NSMutableArray *taps = [NSMutableArray array];
    [AURPushService setTapHandler:^(NSDictionary *got, NSString *action) { [taps addObject:action]; }];
    AURRun(world, 3);
    EQUAL(taps, @[ @"a" ]);
    EQUAL(world.receipts, (@[ @"12 received", @"12 opened" ]));
}

TEST(theFetchHandlerIsCalledOnceAndInTime) {
    AURWorld *world = launched(UIApplicationStateBackground);
    NSMutableArray *results = [NSMutableArray array];
    void (^handler)(UIBackgroundFetchResult) = ^(UIBackgroundFetchResult result) { [results addObject:@(result)]; };
    [AURPushService didReceiveRemoteNotification:@{@"_j_msgid" : @21, @"aps" : @{@"content-available" : @1}} fetchCompletionHandler:handler];
    AURRun(world, 2);
    EQUAL(results, @[ @(UIBackgroundFetchResultNewData) ]);
    EQUAL(world.receipts, @[ @"21 received" ]);
    [AURPushService didReceiveRemoteNotification:@{@"aps" : @{}} fetchCompletionHandler:handler];
    world.latency = 100;
    [AURPushService didReceiveRemoteNotification:@{@"_j_msgid" : @22} fetchCompletionHandler:handler];
    AURRun(world, 15);
    CHECK(results.count == 2);
    AURRun(world, 10);
    EQUAL(results, (@[ @(UIBackgroundFetchResultNewData), @(UIBackgroundFetchResultNoData), @(UIBackgroundFetchResultFailed) ]));
    [AURPushService stop];
    [AURPushService didReceiveRemoteNotification:@{@"_j_msgid" : @23} fetchCompletionHandler:handler];
    AURRun(world, 1);
    EQUAL(results.lastObject, @(UIBackgroundFetchResultNoData));
}

TEST(theInboxFollowsTheApp) {
    AURWorld *world = launched(UIApplicationStateActive);
    NSNotificationCenter *center = [NSNotificationCenter defaultCenter];
    [center postNotificationName:UIApplicationDidEnterBackgroundNotification object:nil];
    AURRun(world, 2);
    NSUInteger before = world.requests.count;
    AURRun(world, 300);
    CHECK(world.requests.count == before);
    [center postNotificationName:UIApplicationWillEnterForegroundNotification object:nil];
    AURRun(world, 2);
    CHECK(world.requests.count > before);
    [center postNotificationName:UIApplicationDidBecomeActiveNotification object:nil];
    [center postNotificationName:UIApplicationWillResignActiveNotification object:nil];
    CHECK([AURPushCentre shared].appState == AURAppInactive);
}

TEST(localNotifications) {
    AURWorld *world = launched(UIApplicationStateActive);
    UNUserNotificationCenter *center = [UNUserNotificationCenter currentNotificationCenter];
    JPushNotificationRequest *request = [[JPushNotificationRequest alloc] init];
    JPushNotificationContent *content = [[JPushNotificationContent alloc] init];
    JPushNotificationTrigger *trigger = [[JPushNotificationTrigger alloc] init];
    JPushNotificationSound *sound = [[JPushNotificationSound alloc] init];
    NSMutableArray *results = [NSMutableArray array];
    sound.criticalSoundName = @"alarm";
    content.title = @"t";
    content.body = @"b";
    content.badge = @-1;
    content.soundSetting = sound;
    trigger.timeInterval = 90;
    trigger.repeat = YES;
    request.requestIdentifier = @"one";
    request.content = content;
    request.trigger = trigger;
    request.completionHandler = ^(id result) { [results addObject:result ?: @"failed"]; };
    [JPUSHService addNotification:request];
    AURRun(world, 0);
    UNNotificationRequest *pending = center.pending.firstObject;
    CHECK(results.firstObject == pending && [pending.identifier isEqual:@"one"] && [pending.content.title isEqual:@"t"] && pending.content.badge == nil);
    EQUAL(pending.trigger.description, @"after 90 1");
    EQUAL([(UNMutableNotificationContent *)pending.content sound].description, @"alarm 1.0");
    trigger.timeInterval = 30; // iOS would throw
    [JPUSHService addNotification:request];
    AURRun(world, 0);
    trigger.repeat = NO;
    [JPUSHService addNotification:request];
    AURRun(world, 0);
    trigger.dateComponents = [[NSDateComponents alloc] init];
    request.requestIdentifier = nil;
    [JPUSHService addNotification:request];
    AURRun(world, 0);
    request.content = nil;
    [JPUSHService addNotification:request];
    AURRun(world, 0);
    EQUAL(results[1], @"failed");
    EQUAL([(UNNotificationRequest *)results[2] trigger].description, @"after 30 0");
    EQUAL([(UNNotificationRequest *)results[3] trigger].description, @"calendar 0");
    EQUAL(results[4], @"failed");
    CHECK(center.pending.count == 2);

    JPushNotificationIdentifier *identifier = [[JPushNotificationIdentifier alloc] init];
    __block NSArray *found = nil;
    identifier.identifiers = @[ @"one" ];
    identifier.findCompletionHandler = ^(NSArray *list) { found = list; };
    [JPUSHService findNotification:identifier];
    AURRun(world, 0);
    CHECK(found.count == 1);
    [center.delivered addObject:AURFakeNotification(@{})];
    identifier.delivered = YES;
    identifier.identifiers = nil;
    [JPUSHService findNotification:identifier];
    AURRun(world, 0);
    CHECK(found.count == 1 && [found[0] isKindOfClass:[UNNotification class]]);
    identifier.delivered = NO;
    identifier.identifiers = @[ @"one" ];
    [JPUSHService removeNotification:identifier];
    CHECK(center.pending.count == 1 && center.delivered.count == 1);
    [JPUSHService removeNotification:nil];
    CHECK(center.pending.count == 0 && center.delivered.count == 0);

    id old = [JPUSHService setLocalNotification:[NSDate dateWithTimeIntervalSinceNow:100] alertBody:@"b" badge:3 alertAction:nil identifierKey:@"k" userInfo:nil soundName:@"default"];
    CHECK(old != nil && center.pending.count == 1 && [center.pending[0].content.badge isEqual:@3]);
    CHECK([JPUSHService setLocalNotification:[NSDate dateWithTimeIntervalSinceNow:-1] alertBody:@"b" badge:3 alertAction:nil identifierKey:@"k" userInfo:nil soundName:nil] == nil);
    [JPUSHService deleteLocalNotification:old];
    CHECK(center.pending.count == 0);
    [JPUSHService clearAllLocalNotifications];
    CHECK([JPUSHService findLocalNotificationWithIdentifier:@"k"].count == 0);
}

TEST(theExtensionThroughJPushsClass) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    world.receiptQueue = [[AURReceiptQueue alloc] initWithFolder:AURTemporaryFolder()];
    AURLaunch(world, AURGoodPlist(), nil);
    [AURPushService setupWithOption:nil];
    AURRun(world, 2);
    [AURNotificationExtension setEnvironment:[world environment]];
    [JPushNotificationExtensionService jpushSetAppkey:AURWorldAppKey];
    __block int calls = 0;
    [JPushNotificationExtensionService jpushReceiveNotificationRequest:AURFakeNotification(@{@"_j_msgid" : @31}).request with:^{ calls++; }];
    AURRun(world, 2);
    CHECK(calls == 1);
    EQUAL(world.receipts, @[ @"31 received" ]);
    [AURNotificationExtension setEnvironment:nil];
}
