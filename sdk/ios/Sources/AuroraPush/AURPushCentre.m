#import "AURPushCentre.h"
#import "AURErrors.h"
#import "AURProvisioning.h"
#import "AURPushLog.h"
#import "AURReceiptQueue.h"
#import "AURSystem.h"
#if TARGET_OS_IPHONE
#import "AURApplicationObserver.h"
#endif

static const NSUInteger MaxEarly = 100; // notifications held before setup

static AURPushCentre *sharedCentre; // guarded by the class

@interface AURPushCentre ()
@property (atomic, readwrite, nullable) AURClient *client;
@property (atomic, readwrite) NSError *problem;
@end

@implementation AURPushCentre {
    NSData *_earlyToken, *_earlyVoIPToken;
    NSMutableArray<void (^)(AURClient *)> *_earlyEvents;
    AURSigning _signing;
    AURAppState _appState;
}

+ (instancetype)shared {
    @synchronized(self) {
        if (sharedCentre == nil) sharedCentre = [[self alloc] init];
        return sharedCentre;
    }
}

+ (void)restart {
    @synchronized(self) {
        [sharedCentre stop];
        sharedCentre = nil;
    }
}

static NSError *problemOf(AURErrorCode code, NSString *sentence) {
    return [NSError errorWithDomain:AURErrorDomain code:code userInfo:@{NSLocalizedDescriptionKey : sentence}];
}

- (instancetype)init {
    if ((self = [super init])) {
        _earlyEvents = [NSMutableArray array];
        _problem = problemOf(AURErrorNotSetUp, @"call setupWithOption: first");
        _taps = [[AURHeldTaps alloc] initWithCallbacks:^(void (^block)(void)) {
            [[AURMainQueue shared] perform:block];
        }];
    }
    return self;
}

#pragma mark - Setup

- (NSData *)resource:(NSString *)name ofType:(NSString *)type {
    NSString *path = [self.bundle ?: [NSBundle mainBundle] pathForResource:name ofType:type];
    return path == nil ? nil : [[NSData alloc] initWithContentsOfFile:path];
}

/// The configuration from the file and from code, nil with the problem set.
- (AURConfig *)configWithAppKey:(NSString *)appKey channel:(NSString *)channel production:(BOOL)production {
    NSData *file = [self resource:@"PushConfig" ofType:@"plist"];
    NSError *error = nil;
    AURConfig *config = file == nil ? nil : [AURConfig configWithPropertyList:file error:&error];
    if (appKey == nil && config == nil) {
        self.problem = error ?: problemOf(AURErrorConfiguration, @"there is no PushConfig.plist in the app; download it from the app's page in the console and add it to the target");
        return nil;
    }
    NSString *server = self.server ?: config.server ?: @"";
    if (self.appGroup == nil) self.appGroup = config.appGroup;
    if (appKey == nil) config = [[AURConfig alloc] initWithAppKey:config.appKey channel:config.channel production:config.production server:server];
    else config = [[AURConfig alloc] initWithAppKey:appKey channel:channel.length > 0 ? channel : config.channel ?: @"default" production:production server:server];
    if ([config check:&error]) return config;
    BOOL badKey = [error.userInfo[AURErrorKeysKey] containsObject:@"APP_KEY"];
    self.problem = badKey ? [NSError errorWithDomain:AURErrorDomain code:AURErrorMalformedAppKey userInfo:error.userInfo] : error;
    return nil;
}

- (void)setUpWithOption:(NSDictionary *)launchOptions appKey:(NSString *)appKey channel:(NSString *)channel production:(BOOL)production {
    if (self.client != nil) {
        AURPushLog(AURLogLevelWarning, @"setup was called before; this call changes nothing");
        return;
    }
    AURConfig *config = [self configWithAppKey:appKey channel:channel production:production];
    if (config == nil) {
        NSError *problem = self.problem;
        AURPushLog(AURLogLevelError, @"setup failed, and push is off: %@", problem.localizedDescription);
        [self post:AURNetworkFailedRegisterNotification info:@{@"error" : problem}];
        return;
    }
    AUREnvironment *environment = self.environment ?: [AURSystem environment];
    if (environment.receiptQueue == nil && self.appGroup.length > 0) environment.receiptQueue = [AURReceiptQueue queueWithAppGroup:self.appGroup];
    AURClient *client = [[AURClient alloc] initWithConfig:config environment:environment];
    if (self.heartbeat > 0) client.messageWait = self.heartbeat;
    __weak AURPushCentre *weak = self;
    client.eventHandler = ^(NSString *name, NSDictionary *info) { [weak post:name info:info]; };
    _signing = AURSigningOfProfile([self resource:@"embedded" ofType:@"mobileprovision"]);
    NSString *contradiction = AURSigningContradiction(_signing, config.production);
    if (contradiction != nil) AURPushLog(AURLogLevelWarning, @"%@", contradiction);
#if TARGET_OS_IPHONE
    [AURApplicationObserver begin];
#endif
    [client start];
    [self takeOver:client];
    [self noteLaunch:launchOptions];
}

/// Makes the client the current one and hands it what came early.
- (void)takeOver:(AURClient *)client {
    NSData *token = nil, *voip = nil;
    NSArray *events = nil;
    @synchronized(self) {
        self.client = client;
        token = _earlyToken;
        voip = _earlyVoIPToken;
        events = [_earlyEvents copy];
        _earlyToken = _earlyVoIPToken = nil;
        [_earlyEvents removeAllObjects];
    }
    if (token != nil) [self registerDeviceToken:token];
    if (voip != nil) [self registerVoIPToken:voip];
    for (void (^event)(AURClient *) in events) event(client);
    [self tune];
}

/// A notification in the launch options either started the app by a tap or woke it in the background.
- (void)noteLaunch:(NSDictionary *)launchOptions {
    NSDictionary *payload = launchOptions[@"UIApplicationLaunchOptionsRemoteNotificationKey"];
    if (![payload isKindOfClass:[NSDictionary class]]) return;
    if (self.appState == AURAppBackground || self.receivesTaps) {
        [self noteReceived:payload]; // a tap will come through the delegate
        return;
    }
    [self noteOpened:payload];
    [_taps addPayload:payload action:nil];
}

- (void)stop {
    AURClient *client = self.client;
    self.client = nil;
    self.problem = problemOf(AURErrorNotSetUp, @"the SDK was stopped; call setupWithOption: again");
    [client stop];
}

- (void)post:(NSString *)name info:(NSDictionary *)info {
    [[NSNotificationCenter defaultCenter] postNotificationName:name object:nil userInfo:info];
}

#pragma mark - State of the app

- (AURAppState)appState {
    @synchronized(self) {
        return _appState;
    }
}

- (void)setAppState:(AURAppState)state {
    BOOL returned = NO;
    @synchronized(self) {
        returned = state != AURAppBackground && _appState == AURAppBackground;
        _appState = state;
    }
    if (returned) [self.client retry];
    [self tune];
}

- (void)tune { [self.client setFetchesMessages:self.backgroundEnabled || self.appState != AURAppBackground]; }

#pragma mark - Events

- (void)registerDeviceToken:(NSData *)token {
    AURClient *client = nil;
    @synchronized(self) {
        client = self.client;
        if (client == nil) _earlyToken = [token copy];
    }
    [client registerDeviceToken:token production:self.productionTokens];
}

- (void)registerVoIPToken:(NSData *)token {
    AURClient *client = nil;
    @synchronized(self) {
        client = self.client;
        if (client == nil) _earlyVoIPToken = [token copy];
    }
    [client registerVoIPToken:token production:self.productionTokens];
}

- (BOOL)productionTokens { return AURProductionToken(_signing, self.client.config.production); }

- (void)noteReceived:(NSDictionary *)payload { [self note:^(AURClient *client) { [client noteReceived:payload]; }]; }

- (void)noteOpened:(NSDictionary *)payload { [self note:^(AURClient *client) { [client noteOpened:payload]; }]; }

- (void)note:(void (^)(AURClient *))event {
    AURClient *client = nil;
    @synchronized(self) {
        client = self.client;
        if (client == nil && _earlyEvents.count < MaxEarly) [_earlyEvents addObject:[event copy]];
    }
    if (client != nil) event(client);
}

@end
