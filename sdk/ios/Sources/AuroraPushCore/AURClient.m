#import "AURClientPrivate.h"
#import "AURErrorMaking.h"
#import "AURLogging.h"
#import "AURNames.h"
#import "AURNotifications.h"
#import "AURReceiptQueue.h"

@implementation AURClient

- (instancetype)initWithConfig:(AURConfig *)config environment:(AUREnvironment *)environment {
    if ((self = [super init])) {
        _config = [config copy];
        _env = environment;
        _registrationID = @"";
        _messageWait = 50;
        _record = [[AURRecord alloc] init];
        _handing = [NSMutableSet set];
        _api = [[AURDeviceAPI alloc] initWithServer:config.server environment:environment];
        _tickets = [self newTickets];
        _readers = [self newTickets];
        _deliveries = [self newTickets];
        _inbox = [[AURInbox alloc] initWithAPI:_api environment:environment delegate:self];
    }
    return self;
}

- (AURTickets *)newTickets { return [[AURTickets alloc] initWithEnvironment:_env]; }

- (void)start {
    [self load:NULL]; // the queue has no work of this client yet, so the record may be read here
    [self perform:^{
        if (self->_started || self->_stopped) return;
        self->_started = YES;
        self->_inbox.wait = MIN(MAX(self->_messageWait, 10), 60);
        [self want:[self profile]];
        [self post:AURNetworkIsConnectingNotification info:@{}];
        [self collectFromExtension];
        [self turn];
    }];
}

- (void)stop {
    [self perform:^{
        if (self->_stopped) return;
        self->_stopped = YES;
        [self->_request cancel];
        [self endPause];
        [self tuneInbox];
        [self refuseWaiters];
    }];
}

- (NSError *)whyNot { return _stopped ? AURMakeError(AURErrorNotSetUp, @"the SDK was stopped") : _refused; }

- (void)retry {
    [self perform:^{
        self->_refused = nil;
        self->_hurried = self->_busy;
        [self collectFromExtension];
        [self endPause];
        [self->_inbox retry];
        [self turn];
    }];
}

- (void)setFetchesMessages:(BOOL)fetches {
    [self perform:^{
        self->_fetches = fetches;
        [self tuneInbox];
    }];
}

- (AURChanges *)profile {
    NSMutableDictionary *profile = [_env.profile mutableCopy];
    profile[@"channel"] = _config.channel;
    return profile;
}

- (void)tuneInbox { _inbox.open = _started && !_stopped && _fetches && [self pushEnabled]; }

- (BOOL)pushEnabled { return ![_record.wanted[AURPushEnabledKey] isEqual:@NO]; }

#pragma mark - Desired state

- (void)registerDeviceToken:(NSData *)token production:(BOOL)production { [self token:token key:AURTokenKey name:nil production:production completion:nil]; }

- (void)registerVoIPToken:(NSData *)token production:(BOOL)production { [self token:token key:AURVoIPTokenKey name:nil production:production completion:nil]; }

- (void)registerActivityStartToken:(NSData *)token type:(NSString *)type production:(BOOL)production completion:(void (^)(NSError *))completion {
    [self token:token key:AURStartTokensKey name:type ?: @"" production:production completion:completion];
}

- (void)registerActivityToken:(NSData *)token activity:(NSString *)name production:(BOOL)production completion:(void (^)(NSError *))completion {
    [self token:token key:AURActivityTokensKey name:name ?: @"" production:production completion:completion];
}

- (void)token:(NSData *)token key:(NSString *)key name:(NSString *)name production:(BOOL)production completion:(void (^)(NSError *))completion {
    NSMutableString *text = [NSMutableString string];
    const uint8_t *bytes = token.bytes;
    for (NSUInteger i = 0; i < token.length; i++) [text appendFormat:@"%02x", bytes[i]];
    NSString *environment = production ? @"production" : @"development";
    AURLogLine(AURLogLevelInfo, @"%@ %.8s… for %@", key, text.UTF8String, environment);
    NSError *error = AURCheckActivityName(name);
    if (name != nil) key = [NSString stringWithFormat:@"%@.%@", key, name];
    [self set:@{key : text, AUREnvironmentKey : environment} unless:error completion:completion];
}

- (void)setAlias:(NSString *)alias completion:(void (^)(NSError *))completion {
    [self set:AURAliasKey to:[alias copy] unless:AURCheckAlias(alias) completion:completion];
}

- (void)setTags:(NSSet<NSString *> *)tags completion:(void (^)(NSError *))completion { [self setTags:tags alias:nil most:AURTagsMaxBytes completion:completion]; }

- (void)addTags:(NSSet<NSString *> *)tags completion:(void (^)(NSError *))completion { [self tags:tags wanted:YES completion:completion]; }

- (void)removeTags:(NSSet<NSString *> *)tags completion:(void (^)(NSError *))completion { [self tags:tags wanted:NO completion:completion]; }

- (void)tags:(NSSet<NSString *> *)tags wanted:(BOOL)wanted completion:(void (^)(NSError *))completion {
    NSError *error = AURCheckTags(tags, AURTagsMaxBytes);
    [self set:error != nil ? nil : AURTagChanges(tags, wanted) unless:error completion:completion];
}

- (void)setTags:(NSSet<NSString *> *)tags alias:(NSString *)alias completion:(void (^)(NSError *))completion { [self setTags:tags alias:alias most:AURTagsMaxBytesOld completion:completion]; }

- (void)setTags:(NSSet<NSString *> *)tags alias:(NSString *)alias most:(NSUInteger)bytes completion:(void (^)(NSError *))completion {
    NSError *error = AURCheckAlias(alias) ?: AURCheckTags(tags, bytes);
    NSMutableDictionary *changes = [NSMutableDictionary dictionary];
    [changes setValue:[alias copy] forKey:AURAliasKey];
    if (error == nil && tags != nil) [changes addEntriesFromDictionary:AURTagsAlone(tags)];
    [self set:changes unless:error completion:completion];
}

- (void)setMobile:(NSString *)mobile completion:(void (^)(NSError *))completion {
    [self set:AURMobileKey to:[mobile copy] unless:AURCheckMobile(mobile) completion:completion];
}

- (void)setBadge:(NSInteger)badge { [self set:AURBadgeKey to:@(MIN(MAX(badge, 0), 99999)) unless:nil completion:nil]; }

- (void)setPushEnabled:(BOOL)enabled completion:(void (^)(NSError *))completion {
    [self set:AURPushEnabledKey to:enabled ? @YES : @NO unless:nil completion:completion];
}

- (void)requestPushEnabled:(void (^)(BOOL))completion {
    [self perform:^{
        BOOL enabled = [self pushEnabled];
        [self callBack:^{ completion(enabled); }];
    }];
}

- (void)setNotificationsAllowed:(BOOL)allowed {
    NSNumber *value = allowed ? @YES : @NO;
    [self perform:^{
        // It is asked for at each launch.
        if (![self->_record.wanted[AURNotificationsAllowedKey] isEqual:value]) [self set:AURNotificationsAllowedKey to:value unless:nil completion:nil];
    }];
}

- (void)set:(NSString *)key to:(id)value unless:(NSError *)error completion:(void (^)(NSError *))completion {
    [self set:@{key : value} unless:error completion:completion];
}

/// Asks for values, unless something is wrong with them.
- (void)set:(AURChanges *)changes unless:(NSError *)error completion:(void (^)(NSError *))completion {
    if (error == nil && changes.count == 0) error = AURMakeError(AURErrorEmptyArgument, @"the call asks for nothing");
    if (error != nil) {
        AURLogLine(AURLogLevelWarning, @"nothing was changed: %@ (%ld)", error.localizedDescription, (long)error.code);
        if (completion != nil) [self callBack:^{ completion(error); }];
        return;
    }
    NSMutableSet *keys = [NSMutableSet setWithArray:changes.allKeys];
    [keys removeObject:AUREnvironmentKey]; // it belongs to all tokens
    [self perform:^{
        if (!self->_stopped) [self want:changes];
        if (completion != nil) [self->_tickets add:^(id result, NSError *failure) { completion(failure); } keys:keys within:AURCompletionTimeout];
        [self turn];
    }];
}

- (void)want:(AURChanges *)changes {
    [_record want:changes];
    [self save:NULL];
    [self tuneInbox];
}

#pragma mark - Questions

- (void)requestRegistrationID:(void (^)(NSString *, NSError *))completion {
    AURTicketCompletion answer = ^(id result, NSError *error) {
        NSString *identifier = self.registrationID;
        identifier.length > 0 ? completion(identifier, nil) : completion(nil, error);
    };
    [self perform:^{
        // The registration is one more value that is pending; its key cannot collide with those of values.
        [self->_tickets add:answer keys:[NSSet setWithObject:@"registration"] within:AURCompletionTimeout];
        if (self.registrationID.length > 0) [self->_tickets settleWithPending:[self unsettled] refused:nil error:nil];
        [self turn];
    }];
}

- (void)readDevice:(void (^)(NSDictionary *, NSError *))completion {
    [self perform:^{
        [self->_readers add:completion keys:nil within:AURCompletionTimeout];
        [self turn];
    }];
}

- (void)whenDelivered:(void (^)(BOOL))completion within:(NSTimeInterval)seconds {
    [self perform:^{
        [self->_deliveries add:^(id delivered, NSError *error) { completion([delivered boolValue]); } keys:nil within:seconds];
        [self turn];
    }];
}

#pragma mark - Receipts

- (void)noteReceived:(NSDictionary *)payload { [self noteEvent:AURReceivedEvent payload:payload]; }

- (void)noteOpened:(NSDictionary *)payload { [self noteEvent:AUROpenedEvent payload:payload]; }

- (void)noteEvent:(NSString *)event payload:(NSDictionary *)payload {
    NSArray *receipts = AURReceiptsFor(event, payload, [_env.clock now]);
    if (receipts.count == 0) return;
    [self perform:^{
        [self note:receipts];
        [self turn];
    }];
}

- (BOOL)note:(NSArray<AURReceipt *> *)receipts {
    NSUInteger dropped = 0;
    BOOL added = [_record add:receipts dropped:&dropped];
    if (dropped > 0) AURLogLine(AURLogLevelWarning, @"too many receipts wait for the network; the %lu oldest were given up", (unsigned long)dropped);
    return !added || [self save:NULL];
}

- (void)collectFromExtension {
    // Only what is safe here may disappear there.
    if (_loaded) [_env.receiptQueue drain:^BOOL(NSArray<AURReceipt *> *receipts) { return [self note:receipts]; }];
}

#pragma mark - Storage

- (BOOL)load:(NSError **)error {
    if (_loaded) return YES;
    NSData *data = nil;
    if (![_env.storage load:&data error:error]) return NO;
    AURRecord *stored = [AURRecord recordWithData:data];
    if (stored == nil && data.length > 0) AURLogLine(AURLogLevelError, @"the stored record is damaged or of another version; this installation starts anew");
    AURRecord *asked = _record;
    _record = stored ?: [[AURRecord alloc] init];
    _loaded = YES;
    [_record bindToServer:_config.server appKey:_config.appKey];
    [_record want:asked.wanted];
    [self note:[asked receiptsAtMost:AURReceiptsMaxQueued]];
    self.registrationID = _record.registrationID ?: @"";
    return YES;
}

- (BOOL)save:(NSError **)error {
    if (!_loaded) return YES;
    NSError *failure = nil;
    BOOL saved = [_env.storage save:[_record encoded] error:&failure];
    if (!saved) AURLogLine(AURLogLevelError, @"the record cannot be stored and is held in memory: %@", failure.localizedDescription);
    if (error != NULL) *error = failure;
    return saved;
}

- (void)post:(NSString *)name info:(NSDictionary *)info {
    void (^handler)(NSString *, NSDictionary *) = _eventHandler;
    if (handler != nil) [self callBack:^{ handler(name, info); }];
}

- (void)callBack:(void (^)(void))block { [_env.callbacks perform:block]; }

- (void)perform:(void (^)(void))block { [_env.queue perform:block]; }

@end
