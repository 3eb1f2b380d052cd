#import "AURExtensionReporter.h"
#import "AURDeviceAPI.h"
#import "AURErrorMaking.h"
#import "AURLogging.h"

const NSTimeInterval AURExtensionTimeout = 8;

@implementation AURExtensionReporter {
    NSString *_appKey;
    AUREnvironment *_env;
}

- (instancetype)initWithAppKey:(NSString *)appKey environment:(AUREnvironment *)environment {
    if ((self = [super init])) {
        _appKey = [appKey copy];
        _env = environment;
    }
    return self;
}

- (void)reportReceived:(NSDictionary *)payload completion:(void (^)(void))completion {
    AUREnvironment *env = _env;
    __block void (^waiting)(void) = completion; // used on the queue only
    void (^finish)(void) = ^{
        void (^call)(void) = waiting;
        waiting = nil;
        if (call != nil) [env.callbacks perform:call];
    };
    [env.queue perform:^{ [self deliver:payload finish:finish]; }];
}

- (void)deliver:(NSDictionary *)payload finish:(void (^)(void))finish {
    AURReceiptQueue *shared = _env.receiptQueue;
    NSDictionary *identity = [shared sharedIdentity];
    if (identity != nil && ![identity[@"app_key"] isEqual:_appKey]) {
        AURLogLine(AURLogLevelError, @"the extension has another AppKey than the app; give both the same");
        identity = nil;
    }
    AURQueuedReceipt *queued = [shared addReceived:payload at:[_env.clock now]];
    if (queued == nil || identity == nil) {
        if (queued != nil) AURLogLine(AURLogLevelInfo, @"the app is not registered yet; it will deliver the receipt");
        finish();
        return;
    }
    AURDeviceAPI *api = [[AURDeviceAPI alloc] initWithServer:identity[@"server"] environment:_env];
    id<AURQueue> queue = _env.queue;
    __block id<AURCancellable> timer = nil;
    id<AURCancellable> request = [api send:@"POST" path:@"/receipts" of:identity body:@{@"receipts" : @[ queued.receipt ]} timeout:AURExtensionTimeout answer:^(NSDictionary *answer, NSError *error) {
        [timer cancel];
        timer = nil;
        if (error == nil) [shared remove:queued];
        else AURLogLine(AURLogLevelInfo, @"the app will deliver the receipt: %@", error.localizedDescription);
        finish();
    }];
    // A transport that does not keep its own time must not keep the notification from being shown.
    timer = [_env.clock after:AURExtensionTimeout perform:^{
        [queue perform:^{
            [request cancel];
            finish();
        }];
    }];
}

@end
