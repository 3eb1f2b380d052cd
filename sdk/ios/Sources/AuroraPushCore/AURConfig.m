#import "AURConfig.h"
#import "AURErrorMaking.h"
#import "AURPropertyList.h"

static NSString *const ChannelKey = @"CHANNEL", *const AppKeyKey = @"APP_KEY", *const ProductionKey = @"APS_FOR_PRODUCTION", *const ServerKey = @"SERVER";

static NSString *remedy(NSString *key) {
    return @{
        ChannelKey : @"write a short text such as \"App Store\"",
        AppKeyKey : @"copy the 24 characters of the AppKey from the app's page in the console",
        ProductionKey : @"write \"1\" for App Store and TestFlight builds, \"0\" for builds run from Xcode",
        ServerKey : @"write the base URL of your Aurora, such as https://push.example.com",
    }[key];
}

static NSString *shortened(NSString *text) { return text.length <= 100 ? text : [text substringToIndex:100]; }

static NSString *checkChannel(NSString *s) {
    NSUInteger bytes = [s lengthOfBytesUsingEncoding:NSUTF8StringEncoding];
    if ([s stringByTrimmingCharactersInSet:[NSCharacterSet whitespaceAndNewlineCharacterSet]].length == 0) return @"is empty";
    if (bytes > 255) return [NSString stringWithFormat:@"has %lu bytes, at most 255 are allowed", (unsigned long)bytes];
    if ([s rangeOfCharacterFromSet:[NSCharacterSet controlCharacterSet]].length > 0) return @"holds control characters";
    return nil;
}

static NSString *checkAppKey(NSString *s) {
    NSCharacterSet *others = [[NSCharacterSet characterSetWithCharactersInString:@"0123456789abcdefghijklmnopqrstuvwxyz"] invertedSet];
    if (s.length == 0) return @"is empty";
    if (s.length != 24 || [s rangeOfCharacterFromSet:others].length > 0)
        return [NSString stringWithFormat:@"is \"%@\", which is not 24 lower-case letters and digits", shortened(s)];
    return nil;
}

static NSString *checkServer(NSString *s) {
    NSURL *url = [NSURL URLWithString:s];
    NSString *scheme = url.scheme.lowercaseString;
    if (url.user != nil || [s rangeOfString:@"@"].length > 0) return @"holds a user name or password"; // not repeated: it may be a secret
    if (![scheme isEqual:@"https"] && ![scheme isEqual:@"http"]) return [NSString stringWithFormat:@"is \"%@\", which does not begin with https:// or http://", shortened(s)];
    if (url.host.length == 0) return [NSString stringWithFormat:@"is \"%@\", which names no host", shortened(s)];
    if ([s rangeOfCharacterFromSet:[NSCharacterSet characterSetWithCharactersInString:@"?#"]].length > 0)
        return [NSString stringWithFormat:@"is \"%@\", which has a query or a fragment", shortened(s)];
    return nil;
}

/// Collects what is wrong, so that all of it is seen at once.
@interface AURConfigProblems : NSObject
@end

@implementation AURConfigProblems {
    NSMutableArray<NSString *> *_keys, *_sentences;
}

- (instancetype)init {
    if ((self = [super init])) {
        _keys = [NSMutableArray array];
        _sentences = [NSMutableArray array];
    }
    return self;
}

- (void)key:(NSString *)key problem:(NSString *)problem {
    if (problem == nil) return;
    [_keys addObject:key];
    [_sentences addObject:[NSString stringWithFormat:@"%@ %@; %@", key, problem, remedy(key) ?: @"make the file anew in the console"]];
}

/// A required text, or the empty one if something is wrong with it.
- (NSString *)text:(NSString *)key of:(NSDictionary *)file check:(NSString * (*)(NSString *))check {
    NSString *value = file[key];
    if ([value isKindOfClass:[NSString class]]) {
        [self key:key problem:check(value)];
        return value;
    }
    [self key:key problem:value == nil ? @"is missing" : @"is not text"];
    return @"";
}

- (BOOL)production:(id)value {
    BOOL text = [value isKindOfClass:[NSString class]];
    if (AURIsBoolean(value)) return [value boolValue];
    if (text && [@[ @"0", @"1" ] containsObject:value]) return [value isEqual:@"1"];
    if ([value isKindOfClass:[NSNumber class]] && ([value isEqual:@0] || [value isEqual:@1])) return [value boolValue];
    [self key:ProductionKey problem:value == nil ? @"is missing" : [NSString stringWithFormat:@"is neither 0 nor 1 but %@", text ? shortened(value) : [[value class] description]]];
    return NO;
}

- (BOOL)none:(NSError **)error {
    if (_keys.count == 0) return YES;
    if (error != NULL) {
        NSString *sentence = [@"PushConfig.plist: " stringByAppendingString:[_sentences componentsJoinedByString:@"\n"]];
        *error = [NSError errorWithDomain:AURErrorDomain code:AURErrorConfiguration userInfo:@{NSLocalizedDescriptionKey : sentence, AURErrorKeysKey : [_keys copy]}];
    }
    return NO;
}

@end

@implementation AURConfig

- (instancetype)initWithAppKey:(NSString *)appKey channel:(NSString *)channel production:(BOOL)production server:(NSString *)server {
    if ((self = [super init])) {
        _appKey = [appKey copy];
        _channel = [channel copy];
        _production = production;
        _server = [server copy];
    }
    return self;
}

- (id)copyWithZone:(NSZone *)zone { return self; }

+ (instancetype)configWithPropertyList:(NSData *)data error:(NSError **)error {
    AURConfigProblems *problems = [[AURConfigProblems alloc] init];
    NSString *unreadable = nil;
    NSDictionary *file = AURParsePropertyList(data, &unreadable);
    if (unreadable != nil) [problems key:@"PLIST" problem:[@"is not readable: " stringByAppendingString:unreadable]];
    else if (![file isKindOfClass:[NSDictionary class]]) [problems key:@"PLIST" problem:@"is not a dictionary with CHANNEL, APP_KEY and APS_FOR_PRODUCTION"];
    if (![problems none:error]) return nil;
    NSString *channel = [problems text:ChannelKey of:file check:checkChannel];
    NSString *appKey = [problems text:AppKeyKey of:file check:checkAppKey];
    BOOL production = [problems production:file[ProductionKey]];
    NSString *server = file[ServerKey] == nil ? @"" : [problems text:ServerKey of:file check:checkServer];
    if (![problems none:error]) return nil;
    AURConfig *config = [[self alloc] initWithAppKey:appKey channel:channel production:production server:server];
    if ([file[@"APP_GROUP"] isKindOfClass:[NSString class]]) config->_appGroup = [file[@"APP_GROUP"] copy];
    return config;
}

- (BOOL)check:(NSError **)error {
    AURConfigProblems *problems = [[AURConfigProblems alloc] init];
    [problems key:ChannelKey problem:checkChannel(_channel)];
    [problems key:AppKeyKey problem:checkAppKey(_appKey)];
    [problems key:ServerKey problem:_server.length == 0 ? @"is missing" : checkServer(_server)];
    return [problems none:error];
}

@end
