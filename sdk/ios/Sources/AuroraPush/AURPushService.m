#import "AURPushService.h"
#import "AURNames.h"
#import "AURPushCentre.h"
#import "AURPushLog.h"

@implementation AURPushService

+ (AURPushCentre *)centre { return [AURPushCentre shared]; }

/// The client, or nil after failed was called with the reason, later and on the main thread.
+ (AURClient *)clientOr:(void (^)(NSError *error))failed {
    AURPushCentre *centre = [self centre];
    AURClient *client = centre.client;
    if (client != nil) return client;
    NSError *problem = centre.problem;
    AURPushLog(AURLogLevelWarning, @"nothing was changed: %@", problem.localizedDescription);
    if (failed != nil) [[AURMainQueue shared] perform:^{ failed(problem); }];
    return nil;
}

#pragma mark - Start and identity

static void (^codeDone(void (^completion)(NSInteger)))(NSError *) {
    return ^(NSError *error) {
        if (completion != nil) completion(error.code);
    };
}

+ (void)setServer:(NSString *)baseURL { [self centre].server = baseURL; }

+ (void)setAppGroup:(NSString *)group { [self centre].appGroup = group; }

+ (void)setBackgroundEnable:(BOOL)enabled { [self centre].backgroundEnabled = enabled; }

+ (void)setHeartBeatTimeInterval:(NSInteger)seconds { [self centre].heartbeat = seconds; }

+ (void)setupWithOption:(NSDictionary *)launchOptions { [[self centre] setUpWithOption:launchOptions appKey:nil channel:nil production:NO]; }

+ (void)setupWithOption:(NSDictionary *)launchOptions appKey:(NSString *)appKey channel:(NSString *)channel apsForProduction:(BOOL)production {
    [[self centre] setUpWithOption:launchOptions appKey:appKey ?: @"" channel:channel production:production];
}

+ (void)stop { [[self centre] stop]; }

+ (NSString *)registrationID { return [self centre].client.registrationID ?: @""; }

+ (void)registrationIDCompletionHandler:(void (^)(int, NSString *))completion {
    if (completion == nil) return;
    [[self clientOr:^(NSError *error) { completion((int)error.code, nil); }] requestRegistrationID:^(NSString *identifier, NSError *error) {
        completion((int)error.code, identifier);
    }];
}

+ (void)setPushEnable:(BOOL)enabled completion:(void (^)(NSInteger))completion {
    void (^done)(NSError *) = codeDone(completion);
    [[self clientOr:done] setPushEnabled:enabled completion:done];
}

+ (void)getPushStatus:(void (^)(NSInteger, BOOL))completion {
    if (completion == nil) return;
    [[self clientOr:^(NSError *error) { completion(error.code, NO); }] requestPushEnabled:^(BOOL enabled) { completion(0, !enabled); }];
}

#pragma mark - Remote notifications

+ (void)registerDeviceToken:(NSData *)deviceToken { [[self centre] registerDeviceToken:deviceToken]; }

+ (void)registerVoIPToken:(NSData *)token { [[self centre] registerVoIPToken:token]; }

+ (void)registerActivityStartToken:(NSData *)token type:(NSString *)attributesType completion:(void (^)(NSInteger))completion {
    void (^done)(NSError *) = codeDone(completion);
    [[self clientOr:done] registerActivityStartToken:token type:attributesType production:[self centre].productionTokens completion:done];
}

+ (void)registerActivityToken:(NSData *)token activity:(NSString *)name completion:(void (^)(NSInteger))completion {
    void (^done)(NSError *) = codeDone(completion);
    [[self clientOr:done] registerActivityToken:token activity:name production:[self centre].productionTokens completion:done];
}

+ (void)handleRemoteNotification:(NSDictionary *)payload {
    AURPushCentre *centre = [self centre];
    centre.appState == AURAppInactive ? [centre noteOpened:payload] : [centre noteReceived:payload];
}

+ (void)reportReceived:(NSDictionary *)payload { [[self centre] noteReceived:payload]; }

+ (void)reportOpened:(NSDictionary *)payload { [[self centre] noteOpened:payload]; }

+ (void)setTapHandler:(void (^)(NSDictionary *, NSString *))handler { [self centre].taps.handler = handler; }

#pragma mark - Tags and alias

static void (^tagsDone(AURTagsCompletion completion, NSSet *tags, NSInteger sequence))(NSError *) {
    tags = [tags copy];
    return ^(NSError *error) {
        if (completion != nil) completion(error.code, error == nil ? tags : nil, sequence);
    };
}

static void (^aliasDone(AURAliasCompletion completion, NSString *alias, NSInteger sequence))(NSError *) {
    alias = [alias copy];
    return ^(NSError *error) {
        if (completion != nil) completion(error.code, error == nil ? alias : nil, sequence);
    };
}

+ (void)addTags:(NSSet<NSString *> *)tags completion:(AURTagsCompletion)completion seq:(NSInteger)sequence {
    void (^done)(NSError *) = tagsDone(completion, tags, sequence);
    [[self clientOr:done] addTags:tags completion:done];
}

+ (void)setTags:(NSSet<NSString *> *)tags completion:(AURTagsCompletion)completion seq:(NSInteger)sequence {
    void (^done)(NSError *) = tagsDone(completion, tags, sequence);
    if (tags.count == 0) [[AURMainQueue shared] perform:^{ done([NSError errorWithDomain:AURErrorDomain code:AURErrorEmptyArgument userInfo:nil]); }];
    else [[self clientOr:done] setTags:tags completion:done];
}

+ (void)deleteTags:(NSSet<NSString *> *)tags completion:(AURTagsCompletion)completion seq:(NSInteger)sequence {
    void (^done)(NSError *) = tagsDone(completion, tags, sequence);
    [[self clientOr:done] removeTags:tags completion:done];
}

+ (void)cleanTags:(AURTagsCompletion)completion seq:(NSInteger)sequence {
    void (^done)(NSError *) = tagsDone(completion, nil, sequence);
    [[self clientOr:done] setTags:[NSSet set] completion:done];
}

+ (void)getAllTags:(AURTagsCompletion)completion seq:(NSInteger)sequence {
    if (completion == nil) return;
    [[self clientOr:^(NSError *error) { completion(error.code, nil, sequence); }] readDevice:^(NSDictionary *device, NSError *error) {
        NSArray *tags = device[@"tags"];
        BOOL good = [tags isKindOfClass:[NSArray class]];
        completion(error != nil ? error.code : good ? 0 : AURErrorReadingTags, good ? [NSSet setWithArray:tags] : nil, sequence);
    }];
}

+ (void)validTag:(NSString *)tag completion:(AURTagValidCompletion)completion seq:(NSInteger)sequence {
    if (completion == nil) return;
    if (tag.length == 0) {
        [[AURMainQueue shared] perform:^{ completion(AURErrorEmptyArgument, nil, sequence, NO); }];
        return;
    }
    [self getAllTags:^(NSInteger code, NSSet<NSString *> *tags, NSInteger same) {
        completion(code, tags == nil ? nil : [NSSet setWithObject:tag], same, [tags containsObject:tag]);
    } seq:sequence];
}

+ (void)setAlias:(NSString *)alias completion:(AURAliasCompletion)completion seq:(NSInteger)sequence {
    void (^done)(NSError *) = aliasDone(completion, alias, sequence);
    if (alias.length == 0) [[AURMainQueue shared] perform:^{ done([NSError errorWithDomain:AURErrorDomain code:AURErrorEmptyArgument userInfo:nil]); }];
    else [[self clientOr:done] setAlias:alias completion:done];
}

+ (void)deleteAlias:(AURAliasCompletion)completion seq:(NSInteger)sequence {
    void (^done)(NSError *) = aliasDone(completion, nil, sequence);
    [[self clientOr:done] setAlias:@"" completion:done];
}

+ (void)getAlias:(AURAliasCompletion)completion seq:(NSInteger)sequence {
    if (completion == nil) return;
    [[self clientOr:^(NSError *error) { completion(error.code, nil, sequence); }] readDevice:^(NSDictionary *device, NSError *error) {
        NSString *alias = device[@"alias"];
        BOOL good = [alias isKindOfClass:[NSString class]] && alias.length > 0;
        completion(error.code, good ? alias : nil, sequence);
    }];
}

+ (NSSet<NSString *> *)filterValidTags:(NSSet<NSString *> *)tags { return AURValidTags(tags); }

#pragma mark - Badge and phone number

+ (BOOL)setBadge:(NSInteger)value {
    if (value < 0 || value > 99999) {
        AURPushLog(AURLogLevelWarning, @"a badge is 0 to 99999; nothing was changed");
        return NO;
    }
    AURClient *client = [self clientOr:nil];
    [client setBadge:value];
    return client != nil;
}

+ (void)resetBadge { [self setBadge:0]; }

+ (void)setMobileNumber:(NSString *)number completion:(void (^)(NSError *))completion {
    [[self clientOr:completion] setMobile:number ?: @"" completion:completion];
}

#pragma mark - Log

+ (void)setDebugMode { AURLog.level = AURLogLevelDebug; }

+ (void)setLogOFF { AURLog.level = AURLogLevelWarning; }

@end
