#import "AURNotificationExtension.h"

#if TARGET_OS_IPHONE
#import "AURExtensionReporter.h"
#import "AURSystem.h"

static NSString *appKeyGiven, *groupGiven; // guarded by the class
static AUREnvironment *surroundings;

@implementation AURNotificationExtension

+ (void)setAppKey:(NSString *)appKey {
    @synchronized(self) {
        appKeyGiven = [appKey copy];
    }
}

+ (void)setAppGroup:(NSString *)group {
    @synchronized(self) {
        groupGiven = [group copy];
    }
}

/// For tests: what replaces the extension's surroundings.
+ (void)setEnvironment:(AUREnvironment *)environment {
    @synchronized(self) {
        surroundings = environment;
    }
}

+ (AURExtensionReporter *)reporter {
    @synchronized(self) {
        AUREnvironment *environment = surroundings ?: [AURSystem environment];
        if (appKeyGiven == nil) [AURLog write:@"call setAppKey: first" level:AURLogLevelError];
        if (environment.receiptQueue == nil && groupGiven != nil) environment.receiptQueue = [AURReceiptQueue queueWithAppGroup:groupGiven];
        if (environment.receiptQueue == nil) [AURLog write:@"without an app group the extension can report nothing; call setAppGroup:" level:AURLogLevelError];
        return [[AURExtensionReporter alloc] initWithAppKey:appKeyGiven ?: @"" environment:environment];
    }
}

+ (void)receive:(UNNotificationRequest *)request completion:(void (^)(void))completion {
    [[self reporter] reportReceived:request.content.userInfo completion:completion];
}

@end
#endif
