#import "AURWorld.h"
#import "AURNotifications.h"
#import "AURTest.h"

NSString *const AURWorldAppKey = @"0123456789abcdef01234567";

AURConfig *AURWorldConfig(void) {
    return [[AURConfig alloc] initWithAppKey:AURWorldAppKey channel:@"App Store" production:NO server:@"http://aurora.test"];
}

@implementation AURFault
+ (instancetype)offline {
    AURFault *fault = [[self alloc] init];
    fault.offline = YES;
    return fault;
}
+ (instancetype)lost {
    AURFault *fault = [[self alloc] init];
    fault.lost = YES;
    return fault;
}
+ (instancetype)status:(NSInteger)status body:(NSString *)body {
    AURFault *fault = [[self alloc] init];
    fault.status = status;
    fault.body = body;
    fault.headers = @{};
    return fault;
}
@end

@implementation AURWorldDevice
@end

/// Something that happens at a time, unless it is cancelled.
@interface AURWorldEvent : NSObject <AURCancellable>
@property (nonatomic) NSTimeInterval at;
@property (nonatomic, copy, nullable) void (^block)(void);
@property (nonatomic, copy, nullable) void (^cancelled)(void);
@end

@implementation AURWorldEvent
- (void)cancel {
    void (^cancelled)(void) = self.cancelled;
    self.block = nil;
    self.cancelled = nil;
    if (cancelled != nil) cancelled();
}
@end

/// The callback queue: what is performed here runs in the same world.
@interface AURWorldCallbacks : NSObject <AURQueue>
@property (nonatomic, weak) AURWorld *world;
@end

@implementation AURWorldCallbacks
- (void)perform:(void (^)(void))block { [self.world perform:block]; }
@end

@implementation AURWorld {
    NSMutableArray<void (^)(void)> *_work;
    NSMutableArray<AURWorldEvent *> *_timers;
    NSTimeInterval _time;
    NSMutableArray<AURWorldEvent *> *_held; // requests that wait for messages
    AURWorldCallbacks *_callbacks;
    NSUInteger _identifiers;
}

+ (instancetype)worldWithSeed:(unsigned)seed {
    AURWorld *world = [[self alloc] init];
    world->_random = seed;
    return world;
}

- (instancetype)init {
    if ((self = [super init])) {
        _work = [NSMutableArray array];
        _timers = [NSMutableArray array];
        _held = [NSMutableArray array];
        _time = 700000000;
        _callbacks = [[AURWorldCallbacks alloc] init];
        _callbacks.world = self;
        _faults = [NSMutableArray array];
        _requests = [NSMutableArray array];
        _times = [NSMutableArray array];
        _devices = [NSMutableDictionary dictionary];
        _receipts = [NSMutableArray array];
        _batches = [NSMutableArray array];
        _events = [NSMutableArray array];
        _messages = [NSMutableArray array];
        _refusedAlias = @"taken";
        _latency = 0.05;
    }
    return self;
}

- (unsigned)random { return _random = _random * 1664525u + 1013904223u, _random >> 8; }

#pragma mark - Time

- (void)perform:(void (^)(void))block { [_work addObject:[block copy]]; }

- (NSDate *)now { return [NSDate dateWithTimeIntervalSinceReferenceDate:_time]; }

- (id<AURCancellable>)after:(NSTimeInterval)seconds perform:(void (^)(void))block {
    AURWorldEvent *event = [[AURWorldEvent alloc] init];
    event.at = _time + MAX(seconds, 0);
    event.block = block;
    [_timers addObject:event];
    return event;
}

- (void)settle {
    while (_work.count > 0) {
        @autoreleasepool {
            void (^block)(void) = _work.firstObject;
            [_work removeObjectAtIndex:0];
            block();
        }
    }
}

- (void)pass:(NSTimeInterval)seconds {
    NSTimeInterval end = _time + seconds;
    for (int steps = 0; steps < 100000; steps++) {
        [self settle];
        AURWorldEvent *next = nil;
        for (AURWorldEvent *event in [_timers copy]) {
            if (event.block == nil) [_timers removeObjectIdenticalTo:event];
            else if (next == nil || event.at < next.at) next = event;
        }
        if (next == nil || next.at > end) {
            _time = end;
            return;
        }
        [_timers removeObjectIdenticalTo:next];
        _time = MAX(_time, next.at);
        void (^block)(void) = next.block;
        next.block = nil;
        block();
    }
    AURTestFail(__FILE__, __LINE__, @"the world does not come to rest");
}

#pragma mark - Storage

- (BOOL)load:(NSData **)data error:(NSError **)error {
    *data = _loadFails ? nil : _stored;
    if (_loadFails && error != NULL) *error = [NSError errorWithDomain:@"world" code:1 userInfo:nil];
    return !_loadFails;
}

- (BOOL)save:(NSData *)data error:(NSError **)error {
    if (_storageFails && error != NULL) *error = [NSError errorWithDomain:@"world" code:2 userInfo:nil];
    if (!_storageFails) _stored = [data copy];
    return !_storageFails;
}

- (AUREnvironment *)environment {
    AUREnvironment *environment = [[AUREnvironment alloc] init];
    environment.transport = self;
    environment.storage = self;
    environment.clock = self;
    environment.queue = self;
    environment.callbacks = _callbacks;
    environment.receiptQueue = self.receiptQueue;
    environment.bundleID = @"com.example.shop";
    environment.profile = @{@"app_version" : @"1.2", @"os_version" : @"26.0", @"model" : @"iPhone17,1", @"language" : @"en", @"time_zone" : @"Europe/Berlin"};
    return environment;
}

- (AURClient *)client {
    AURClient *client = [[AURClient alloc] initWithConfig:AURWorldConfig() environment:[self environment]];
    __weak AURWorld *weak = self;
    client.eventHandler = ^(NSString *name, NSDictionary *info) {
        [weak.events addObject:name];
        if ([name isEqual:AURNetworkDidReceiveMessageNotification]) [weak.messages addObject:info];
    };
    return client;
}

#pragma mark - Network

- (id<AURCancellable>)send:(AURRequest *)request completion:(AURTransportCompletion)completion {
    [_requests addObject:request];
    [_times addObject:[self now]];
    AURFault *fault = _faults.firstObject;
    if (fault != nil) [_faults removeObjectAtIndex:0];
    if (_offline) fault = [AURFault offline];
    __block AURTransportCompletion once = completion;
    void (^finish)(AURResponse *, NSError *) = ^(AURResponse *response, NSError *error) {
        AURTransportCompletion call = once;
        once = nil;
        if (call != nil) call(response, error);
    };
    void (^fail)(void) = ^{ finish(nil, [NSError errorWithDomain:NSURLErrorDomain code:NSURLErrorNotConnectedToInternet userInfo:@{NSLocalizedDescriptionKey : @"offline"}]); };
    AURWorldEvent *event = (AURWorldEvent *)[self after:_latency perform:^{}];
    event.cancelled = fail;
    __weak AURWorldEvent *weak = event;
    event.block = ^{
        if (fault.offline) {
            fail();
            return;
        }
        if (fault.status != 0) {
            finish([self answer:fault.status body:fault.body headers:fault.headers], nil);
            return;
        }
        NSInteger wait = 0;
        AURResponse *response = [self handle:request wait:&wait];
        if (fault.lost) {
            fail();
            return;
        }
        if (wait == 0) {
            finish(response, nil);
            return;
        }
        [self hold:request until:self->_time + wait event:weak finish:finish fail:fail];
    };
    return event;
}

/// A request for messages stays open until there are some or its time is over.
- (void)hold:(AURRequest *)request until:(NSTimeInterval)end event:(AURWorldEvent *)event finish:(void (^)(AURResponse *, NSError *))finish fail:(void (^)(void))fail {
    AURWorldEvent *next = event ?: [[AURWorldEvent alloc] init];
    next.at = end;
    [_held addObject:next];
    next.cancelled = fail;
    __weak AURWorldEvent *weak = next;
    next.block = ^{
        [self->_held removeObjectIdenticalTo:weak];
        NSInteger wait = 0;
        AURResponse *response = self.offline ? nil : [self handle:request wait:&wait];
        if (response == nil) fail();
        else if (wait == 0 || self->_time >= end) finish(response, nil);
        else [self hold:request until:end event:weak finish:finish fail:fail];
    };
    [_timers addObject:next];
}

- (AURResponse *)answer:(NSInteger)status body:(NSString *)body headers:(NSDictionary *)headers {
    AURResponse *response = [[AURResponse alloc] init];
    response.status = status;
    response.headers = headers;
    response.body = [body dataUsingEncoding:NSUTF8StringEncoding];
    return response;
}

- (AURResponse *)answer:(id)json {
    AURResponse *response = [self answer:200 body:@"" headers:@{}];
    response.body = [NSJSONSerialization dataWithJSONObject:json options:0 error:NULL];
    return response;
}

- (AURResponse *)refuse:(NSInteger)status code:(NSInteger)code {
    return [self answer:status body:[NSString stringWithFormat:@"{\"error\":{\"code\":%ld,\"message\":\"refused\",\"doc\":\"\"}}", (long)code] headers:@{}];
}

- (AURResponse *)handle:(AURRequest *)request wait:(NSInteger *)wait {
    NSDictionary *body = request.body == nil ? nil : [NSJSONSerialization JSONObjectWithData:request.body options:0 error:NULL];
    NSArray<NSString *> *path = [request.URL.path componentsSeparatedByString:@"/"];
    if (path.count == 3) return [self registerDevice:body];
    AURWorldDevice *device = _devices[path[3]];
    if (device == nil) return [self refuse:404 code:7002];
    NSData *pair = [[NSString stringWithFormat:@"%@:%@", device.identifier, device.secret] dataUsingEncoding:NSUTF8StringEncoding];
    NSString *proof = [@"Basic " stringByAppendingString:[pair base64EncodedStringWithOptions:0]];
    if (![request.headers[@"Authorization"] isEqual:proof]) return [self refuse:401 code:7004];
    if ([path.lastObject isEqual:@"receipts"]) return [self receive:body of:device];
    if ([path.lastObject isEqual:@"messages"]) {
        *wait = device.inbox.count > 0 ? 0 : [[request.URL.query substringFromIndex:5] integerValue];
        return [self answer:@{@"messages" : [device.inbox subarrayWithRange:NSMakeRange(0, MIN(device.inbox.count, 20u))]}];
    }
    if ([request.method isEqual:@"PATCH"]) return [self patch:body of:device];
    return [self answer:@{@"registration_id" : device.identifier, @"alias" : device.values[@"alias"] ?: @"",
        @"tags" : device.tags.allObjects, @"token" : device.values[@"token"] ?: @""}];
}

- (AURResponse *)registerDevice:(NSDictionary *)body {
    if ([body[@"install_id"] length] != 36 || [body[@"secret"] length] != 43) return [self refuse:400 code:7002];
    if (![body[@"app_key"] isEqual:AURWorldAppKey]) return [self refuse:400 code:7008];
    for (AURWorldDevice *device in _devices.allValues) {
        if (![device.installID isEqual:body[@"install_id"]]) continue;
        return [device.secret isEqual:body[@"secret"]] ? [self answer:@{@"registration_id" : device.identifier}] : [self refuse:403 code:7004];
    }
    AURWorldDevice *device = [[AURWorldDevice alloc] init];
    device.identifier = [NSString stringWithFormat:@"%019lx", 0xabcUL + _identifiers++];
    device.installID = body[@"install_id"];
    device.secret = body[@"secret"];
    device.registered = body;
    device.values = [NSMutableDictionary dictionary];
    device.tags = [NSMutableSet set];
    device.inbox = [NSMutableArray array];
    _devices[device.identifier] = device;
    return [self answer:@{@"registration_id" : device.identifier}];
}

- (AURResponse *)patch:(NSDictionary *)body of:(AURWorldDevice *)device {
    if ([body[@"alias"] isEqual:self.refusedAlias]) return [self refuse:400 code:7015];
    NSArray *lists = @[ @"live_activity_start_tokens", @"live_activity_tokens" ];
    BOOL token = [[NSSet setWithArray:body.allKeys] intersectsSet:[NSSet setWithArray:[lists arrayByAddingObjectsFromArray:@[ @"token", @"voip_token" ]]]];
    if (token != (body[@"environment"] != nil)) return [self refuse:400 code:7002];
    if (body[lists[1]][@"refused"] != nil) return [self refuse:400 code:7002];
    NSDictionary *tags = body[@"tags"];
    if ([tags[@"add"] count] > 100 || [tags[@"remove"] count] > 100) return [self refuse:400 code:7002];
    for (NSString *key in body)
        if (![key isEqual:@"tags"] && ![lists containsObject:key]) device.values[key] = body[key];
    for (NSString *list in lists) {
        NSMutableDictionary *all = [NSMutableDictionary dictionaryWithDictionary:device.values[list] ?: @{}];
        [all addEntriesFromDictionary:body[list] ?: @{}];
        [all removeObjectsForKeys:[all allKeysForObject:@""]];
        if (body[list] != nil) device.values[list] = all;
    }
    if (tags[@"set"] != nil) [device.tags removeAllObjects];
    for (NSString *tag in tags[@"remove"]) [device.tags removeObject:tag];
    for (NSString *tag in tags[@"set"] ?: tags[@"add"]) [device.tags addObject:tag];
    return [self answer:@{}];
}

- (AURResponse *)receive:(NSDictionary *)body of:(AURWorldDevice *)device {
    NSArray<NSDictionary *> *receipts = body[@"receipts"];
    [_batches addObject:@(receipts.count)];
    if (receipts.count == 0 || receipts.count > 100) return [self refuse:400 code:7002];
    for (NSDictionary *receipt in receipts)
        if ([receipt[@"msg_id"] isEqual:@"666666"] || ![@[ @"notification", @"message" ] containsObject:receipt[@"part"] ?: @""]) return [self refuse:400 code:7002];
    for (NSDictionary *receipt in receipts) {
        BOOL inApp = [receipt[@"part"] isEqual:@"message"];
        NSString *key = [NSString stringWithFormat:@"%@ %@%@", receipt[@"msg_id"], receipt[@"event"], inApp ? @" message" : @""];
        if (![_receipts containsObject:key]) [_receipts addObject:key];
        for (NSDictionary *message in [device.inbox copy])
            if (inApp && [message[@"msg_id"] isEqual:receipt[@"msg_id"]]) [device.inbox removeObject:message];
    }
    return [self answer:@{}];
}

- (NSUInteger)countOf:(NSString *)method path:(NSString *)prefix {
    NSUInteger n = 0;
    for (AURRequest *request in _requests) n += [request.method isEqual:method] && [request.URL.path hasPrefix:prefix];
    return n;
}

- (AURWorldDevice *)device {
    if (_devices.count != 1) AURTestFail(__FILE__, __LINE__, [NSString stringWithFormat:@"%lu devices are registered, want 1", (unsigned long)_devices.count]);
    return _devices.allValues.firstObject;
}

- (void)message:(NSString *)identifier content:(NSString *)content {
    [[self device].inbox addObject:@{@"msg_id" : identifier, @"content" : content, @"title" : @"t", @"content_type" : @"text", @"extras" : @{@"k" : @"v"}}];
    for (AURWorldEvent *held in _held) held.at = MIN(held.at, _time + _latency);
}

@end
